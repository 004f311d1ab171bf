"""Sorts texts into themes, and proposes new ones for what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from livewarden.ids import stable_id
from models.feedback.taxonomy import Theme

FLOOR: Final = 0.15
"""Cosine similarity under which a text has no theme."""
APART: Final = 0.75
"""Cosine distance at which two groups of texts are not one theme."""
FEWEST_SHOPS: Final = 5
"""Shops that must write alike before a theme is proposed."""
MOST_LEFT: Final = 2_000
"""Texts that are clustered at once: the newest."""
EXEMPLARS: Final = 5


@dataclass(frozen=True, slots=True)
class Sorted:
    """The theme of a text, empty where it has none, and how alike the two are, from 0 to 1."""

    theme_id: str
    similarity: float


class Sorter:
    """Nearest centroid of a theme in one language, over TF-IDF of character 3- to 5-grams.

    The weights come from the themes' own texts alone, so a text is sorted the same whatever it comes with. It does
    badly on a language that no theme has texts in, and on a text about two things: it gets the nearer.

    >>> from models.feedback.taxonomy import SEEDED
    >>> [each.theme_id for each in Sorter(SEEDED).sort(["they cut my LIVE", "Auszahlung fehlt", "zzz"])]
    ['live-cut', 'payout-held', '']
    """

    def __init__(self, themes: Sequence[Theme]) -> None:
        import numpy as np

        groups = [(each.theme_id, texts) for each in themes for texts in each.seeds.values() if texts]
        self._ids = [theme_id for theme_id, _ in groups]
        self._vectorizer = _vectorizer()
        self._vectorizer.fit([text for _, texts in groups for text in texts])
        means = [np.asarray(self._vectorizer.transform(texts).mean(axis=0)).ravel() for _, texts in groups]
        self._centroids = np.array([mean / (np.linalg.norm(mean) or 1.0) for mean in means])

    def sort(self, texts: Sequence[str]) -> list[Sorted]:
        """The theme of each text."""
        if not texts:
            return []
        alike = self._vectorizer.transform(texts) @ self._centroids.T
        best = alike.argmax(axis=1)
        return [
            Sorted(self._ids[place], float(row[place])) if row[place] >= FLOOR else Sorted("", float(row[place]))
            for row, place in zip(alike, best, strict=True)
        ]


def propose(texts: Sequence[str], shops: Sequence[str]) -> list[Theme]:
    """Themes for texts that have none: groups of average linkage that at least five shops write about.

    The id comes from its exemplars. Keep a proposed theme with these, and give it to the next `Sorter`: what is written
    later is then sorted into it, and its id stays.
    """
    texts, shops = texts[-MOST_LEFT:], shops[-MOST_LEFT:]
    if len(set(shops)) < FEWEST_SHOPS:
        return []
    import numpy as np
    from sklearn.cluster import AgglomerativeClustering

    found = _vectorizer().fit_transform(texts).toarray().astype("float32")
    some = np.flatnonzero(found.any(axis=1))
    if len(some) < FEWEST_SHOPS:
        return []
    grouping = AgglomerativeClustering(n_clusters=None, distance_threshold=APART, metric="cosine", linkage="average")
    labels = grouping.fit_predict(found[some])
    proposed = []
    for label in sorted(set(labels)):
        members = some[labels == label]
        if len({shops[place] for place in members}) < FEWEST_SHOPS:
            continue
        near = found[members] @ found[members].mean(axis=0)
        order = sorted(range(len(members)), key=lambda place: (-float(near[place]), texts[members[place]]))
        exemplars = list(dict.fromkeys(texts[members[place]] for place in order))[:EXEMPLARS]
        proposed.append(Theme(f"t-{stable_id(*exemplars)[:8]}", "", {"": exemplars}, named=False))
    return proposed


def _vectorizer() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), strip_accents="unicode", sublinear_tf=True)
