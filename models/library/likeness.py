"""How alike two cases are: facets that agree, by weight, and words that both have. Exact, up to 50,000 entries."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from livewarden.library_entry import LibraryEntry
from models.library.pattern_key import pattern_key

FACETS: Final[Mapping[str, float]] = {
    "policy": 3.0,
    "action family": 1.5,
    "subject": 1.0,
    "cause": 1.5,
    "markets": 1.5,
    "queue": 2.0,
    "model": 2.0,
    "kind": 0.5,
}
"""What a facet that agrees counts for."""
TEXT: Final = 4.0
"""What the same words count for; the Jaccard index of two texts of one kind is small, so it is scaled by SAME_TEXT."""
SAME_TEXT: Final = 0.4
"""From this Jaccard index on two texts count as the same."""
LEAST_KNOWN: Final = 10.0
"""Weight that should be known of both; where less is, what is not known counts against them."""
ALONE: Final = 1 / 3
"""What the entry itself counts for in its score; the rest is how alike its group is on average: among thousands of
entries one is always alike by chance, a whole group is not."""
MOST: Final = 50_000
"""Entries up to which every pair is counted exactly; beyond, this is too slow for a page."""
Vector = NDArray[np.float64]
_WORD: Final = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True, slots=True)
class Likeness:
    """An entry that is alike: `score` in [0, 1], 1 is the same; `matched`: what of it, the weightiest first."""

    entry_id: str
    score: float
    matched: tuple[str, ...]


def floor_of(entries: int) -> float:
    """What is less alike than this is not shown, of so many entries: the more there are, the more are alike by chance.

    >>> [round(floor_of(each), 2) for each in (1, 10, 2_000, 50_000)]
    [0.63, 0.63, 0.7, 0.74]
    """
    return 0.63 + 0.03 * log10(max(entries, 10) / 10)


def facets(entry: LibraryEntry) -> dict[str, str]:
    """What is compared by value; "" is not known."""
    key = pattern_key(entry)
    found = (key.clause, key.family, key.subject, key.cause, key.markets, entry.queue, entry.model_version, entry.kind)
    return dict(zip(FACETS, found, strict=True))


def shingles(text: str) -> frozenset[str]:
    """The words of a text, folded, and each pair of neighbours. No stemming: it would need a language.

    >>> sorted(shingles("Größere Tücher"))
    ['grossere', 'grossere tucher', 'tucher']
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = _WORD.findall("".join(each for each in plain if not unicodedata.combining(each)))
    return frozenset((*words, *(f"{one} {two}" for one, two in pairwise(words))))


class LikenessIndex:
    """Entries to be compared with, each in a group: its pattern. Adding one costs its words, a question one pass over
    all.

    Bad at: texts in different languages, of which only the facets speak; entries of which little is known.

    >>> index = LikenessIndex()
    >>> facts = {"policy_clause": "p7", "queue": "q1", "action_type": "WARNING", "title": "warnings doubled"}
    >>> index.add(LibraryEntry(entry_id="c1", **facts), "pattern 1")
    >>> [(each.entry_id, each.score, each.matched[:2]) for each in index.alike(LibraryEntry(entry_id="c2", **facts))]
    [('c1', 1.0, ('same words', 'policy p7'))]
    """

    def __init__(self) -> None:
        self.entries: list[LibraryEntry] = []
        self.groups: list[str] = []
        self._group_of: dict[str, int] = {}
        self._codes: list[dict[str, int]] = [{} for _ in FACETS]
        self._facets = np.zeros((64, len(FACETS)), np.int32)
        self._sizes = np.zeros(64, np.int32)
        self._members = np.zeros(64, np.int32)
        self._postings: dict[str, list[int]] = {}
        self._weights = np.array(list(FACETS.values()))

    def add(self, entry: LibraryEntry, group: str) -> None:
        """Take an entry in; ValueError beyond 50,000."""
        number = len(self.entries)
        if number >= MOST:
            raise ValueError(f"more than {MOST:,} entries are not compared pair by pair")
        if number == len(self._sizes):
            self._facets = np.concatenate((self._facets, np.zeros_like(self._facets)))
            self._sizes = np.concatenate((self._sizes, np.zeros_like(self._sizes)))
            self._members = np.concatenate((self._members, np.zeros_like(self._members)))
        codes = zip(self._codes, facets(entry).values(), strict=True)
        self._facets[number] = [known.setdefault(value, len(known) + 1) if value else 0 for known, value in codes]
        words = shingles(_text(entry))
        self._sizes[number] = len(words)
        for each in words:
            self._postings.setdefault(each, []).append(number)
        self._members[number] = self._group_of.setdefault(group, len(self.groups))
        if self._members[number] == len(self.groups):
            self.groups.append(group)
        self.entries.append(entry)

    def scores(self, entry: LibraryEntry) -> Vector:
        """How alike every entry is, in the order in which they came."""
        codes = zip(self._codes, facets(entry).values(), strict=True)
        mine = np.array([known.get(value, -1) if value else 0 for known, value in codes])
        theirs = self._facets[: len(self.entries)]
        known = (theirs != 0) & (mine != 0)
        # words that differ say little (another language, another writer); words that are the same say much
        said = TEXT * np.minimum(self._jaccard(entry) / SAME_TEXT, 1.0)
        weight = known @ self._weights + said
        found: Vector = (((theirs == mine) & known) @ self._weights + said) / np.maximum(weight, LEAST_KNOWN)
        return found

    def of_groups(self, scores: Vector) -> Vector:
        """The mean score of the entries of each group, in the order of `groups`."""
        members = self._members[: len(scores)]
        total = np.bincount(members, scores, minlength=len(self.groups))
        found: Vector = total / np.bincount(members, minlength=len(self.groups))
        return found

    def alike(self, entry: LibraryEntry, *, most: int = 5) -> list[Likeness]:
        """At most `most` entries that are alike, the likest first; none under the floor, and never the entry itself."""
        if not self.entries:
            return []
        scores = self.scores(entry)
        groups = self.of_groups(scores)[self._members[: len(scores)]]
        together = ALONE * scores + (1 - ALONE) * groups
        order = [int(each) for each in np.argsort(-together, kind="stable")[: most + 1]]
        least = floor_of(len(scores))
        kept = [n for n in order if together[n] >= least and self.entries[n].entry_id != entry.entry_id]
        return [
            Likeness(self.entries[n].entry_id, round(float(together[n]), 3), matched(entry, self.entries[n]))
            for n in kept[:most]
        ]

    def _jaccard(self, entry: LibraryEntry) -> Vector:
        words = shingles(_text(entry))
        both = np.zeros(len(self.entries), np.int32)
        for each in words:
            posting = self._postings.get(each)
            if posting is not None:
                both[posting] += 1
        union = self._sizes[: len(both)] + len(words) - both
        found: Vector = both / np.maximum(union, 1)
        return found


def matched(one: LibraryEntry, other: LibraryEntry) -> tuple[str, ...]:
    """What two entries have in common, in words, the weightiest first."""
    mine, theirs = facets(one), facets(other)
    found = [(FACETS[name], f"{name} {value}") for name, value in mine.items() if value and theirs[name] == value]
    common = shingles(_text(one)) & shingles(_text(other))
    together = len(shingles(_text(one)) | shingles(_text(other)))
    if common and len(common) / together >= SAME_TEXT:
        found.append((TEXT, "same words"))
    elif common:
        found.append((0.1, f"words {', '.join(sorted(common, key=lambda each: (-len(each), each))[:3])}"))
    return tuple(text for _, text in sorted(found, key=lambda each: -each[0]))


def _text(entry: LibraryEntry) -> str:
    return f"{entry.title} {entry.rationale}"
