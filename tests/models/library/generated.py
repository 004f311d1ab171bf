"""Generated cases with a known pattern: 40 kinds, told in three languages, with facts that are wrong or missing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from livewarden.library_entry import LibraryEntry

CLAUSES: Final = [f"policy-{name}" for name in ("counterfeit", "claims", "safety", "weapons", "delivery", "price",
                                                "health", "tobacco", "ip", "minors", "contact", "recalls")]  # fmt: skip
ACTIONS: Final = ["LIVE_INTERRUPTED", "LIVE_PRODUCT_REMOVED", "PRODUCT_REMOVED", "SHOP_CLOSED_TEMPORARY",
                  "FUNDS_DEDUCTED", "WARNING", "POINTS_CHANGED", "CAMPAIGN_BARRED"]  # fmt: skip
SUBJECTS: Final = ["ROOM", "PRODUCT", "SHOP", "CREATOR", "VIDEO"]
CAUSES: Final = ["POLICY", "MODEL", "REVIEW_OPERATIONS", "PRODUCT", "EXTERNAL"]
MARKETS: Final = ["DE", "FR", "IT", "ES", "PL", "NL", "SE", "AT", "PT", "GR"]
QUEUES: Final = [f"queue-{n}" for n in range(14)]
MODELS: Final = [f"model-{n}.{m}" for n in range(6) for m in range(3)]
KINDS: Final = ["ENFORCEMENT_SPIKE", "ENFORCEMENT_DROP", "TRAFFIC_ANOMALY"]
VOWELS, CONSONANTS = "aeiou", "bdfgklmnprstvz"
NOISE: Final = 0.15


@dataclass(frozen=True)
class Kind:
    """A true pattern: its facts, and the words by which each language tells it."""

    facts: dict[str, str]
    words: dict[str, list[str]]


class Generated:
    """Cases from one seed; `kinds` true patterns. `foreign` gives cases of kinds that are not among them."""

    def __init__(self, seed: int, kinds: int = 40) -> None:
        self._random = random.Random(seed)
        self._filler = {each: [self._word() for _ in range(60)] for each in ("de", "fr", "pl")}
        self.kinds = [self._kind() for _ in range(kinds)]
        self._number = 0

    def _word(self) -> str:
        return "".join(self._random.choice(CONSONANTS) + self._random.choice(VOWELS)
                       for _ in range(self._random.randint(2, 4)))  # fmt: skip

    def _kind(self) -> Kind:
        pick = self._random.choice
        facts = {
            "policy_clause": pick(CLAUSES),
            "action_type": pick(ACTIONS),
            "subject_type": pick(SUBJECTS),
            "cause": pick(CAUSES),
            "markets": pick(MARKETS),
            "queue": pick(QUEUES),
            "model_version": pick(MODELS),
            "kind": pick(KINDS),
        }
        return Kind(facts, {each: [self._word() for _ in range(9)] for each in self._filler})

    def case(self, number: int | None = None) -> tuple[LibraryEntry, int]:
        """One case and the number of its kind."""
        chosen = self._random.randrange(len(self.kinds)) if number is None else number
        return self._told(self.kinds[chosen]), chosen

    def foreign(self) -> LibraryEntry:
        """A case that is of no kind that was seen."""
        return self._told(self._kind())

    def _told(self, kind: Kind) -> LibraryEntry:
        self._number += 1
        language = self._random.choice(list(kind.words))
        # three quarters of the words that tell it, in their order, between as many that tell nothing
        said = [each for each in kind.words[language] if self._random.random() > 2 * NOISE]
        filler = self._random.choices(self._filler[language], k=6)
        facts: dict[str, object] = {name: self._noisy(name, value) for name, value in kind.facts.items()}
        facts["markets"] = (facts["markets"],) if facts["markets"] else ()
        facts["subject_type"] = facts["subject_type"] or None
        return LibraryEntry.model_validate(
            facts
            | {
                "entry_id": f"case-{self._number}",
                "title": " ".join([*said[:4], *filler[:2]]) or "case",
                "rationale": " ".join([*said[4:], *filler[2:]]),
                "language": language,
                "resolution": "FIXED",
            }
        )

    def _noisy(self, name: str, value: str) -> str:
        if self._random.random() >= NOISE:
            return value
        others = {"policy_clause": CLAUSES, "action_type": ACTIONS, "subject_type": SUBJECTS, "cause": CAUSES,
                  "markets": MARKETS, "queue": QUEUES, "model_version": MODELS, "kind": KINDS}[name]  # fmt: skip
        return "" if self._random.random() < 0.5 else self._random.choice(others)


def pair_f1(found: list[str], truth: list[int]) -> float:
    """F1 of "these two are of one pattern" over all pairs."""

    def pairs(labels: list[object]) -> int:
        counts: dict[object, int] = {}
        for each in labels:
            counts[each] = counts.get(each, 0) + 1
        return sum(n * (n - 1) // 2 for n in counts.values())

    both = pairs(list(zip(found, truth, strict=True)))
    return 2 * both / (pairs(list(found)) + pairs(list(truth)))
