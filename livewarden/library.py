"""What the case library is asked for and answers: facts of a case, cases that are alike, patterns in a ranking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from livewarden.library_entry import LibraryEntry


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What is stored of a case that an entry is made of. Instants in ms UTC; what is not known is None or empty.

    `series`, `verdicts` and `changes` are those of its alerts. `measured`: of the measures in its slices the commonest
    value of each field. `links`: kind, name and outcome. `packages`: digests of its evidence packages.
    """

    case_id: str
    title: str
    kind: str
    state: str
    resolution: str
    reason: str
    started_ms: int
    closed_ms: int | None
    series: tuple[Mapping[str, str], ...] = ()
    verdicts: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    measured: Mapping[str, str] | None = None
    measures: int | None = None
    wrong_measures: int | None = None
    shops: int | None = None
    gmv_minor: int | None = None
    viewer_minutes: int | None = None
    links: tuple[tuple[str, str, str], ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advised:
    """What the bank of recommendations has for a pattern: whose it is, and what a person checks first."""

    advice: str
    team: Literal["policy", "moderation", "product", "algorithm"]
    text: str
    precondition: str


@dataclass(frozen=True, slots=True)
class SimilarCase:
    """An entry that is alike: how much (1 is the same), what matched, and the pattern that it is in, by name."""

    entry: LibraryEntry
    score: float
    matched: tuple[str, ...]
    pattern_id: str
    pattern: str

    @property
    def ended(self) -> str:
        """How it ended."""
        return (self.entry.resolution or "not known").replace("_", " ").lower()


@dataclass(frozen=True, slots=True)
class Risk:
    """What a pattern is expected to cost a week, in parts. `cases_week` × `wrong_per_case` = `wrong_week`.

    Harm is what one wrong measure cost, None where no case says so. `few`: fewer than two cases, so the figures are
    mostly those of all patterns.
    """

    cases_week: float
    wrong_per_case: float
    wrong_week: float
    gmv_minor_per_measure: float | None
    viewer_minutes_per_measure: float | None
    few: bool

    @property
    def gmv_minor_week(self) -> float | None:
        """Expected sales lost a week, in minor units."""
        each = self.gmv_minor_per_measure
        return None if each is None else self.wrong_week * each


@dataclass(frozen=True, slots=True)
class PatternLine:
    """A pattern in a list. `key` in words; `recurring`: the probability that it comes oftener this quarter than last,
    None with fewer than 3 cases in 3 different weeks of it; `ended`: how many cases ended how.
    """

    pattern_id: str
    name: str
    key: str
    cases: int
    this_quarter: int
    last_quarter: int
    recurring: float | None
    last_ms: int | None
    ended: Mapping[str, int]
    risk: Risk


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of all measures the library's cases were about, at most: cases may overlap."""

    measures: int
    all_measures: int

    @property
    def share(self) -> float | None:
        """Of all; None where none is known."""
        return min(1.0, self.measures / self.all_measures) if self.all_measures else None


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry, the name of its pattern, who put it in and when, and cases that are alike."""

    entry: LibraryEntry
    pattern: str
    added_by: str
    added_ms: int
    similar: list[SimilarCase]


@dataclass(frozen=True, slots=True)
class PatternView:
    """A pattern with its cases; `leads_to`: what an id that is no longer in force stands for now, by id and name."""

    pattern_id: str
    leads_to: Mapping[str, str]
    line: PatternLine | None
    entries: list[LibraryEntry]


RecommendationStatus = Literal["proposed", "accepted", "rejected", "done", "measured"]
STATUS_MOVES: Mapping[str, tuple[RecommendationStatus, ...]] = {
    "proposed": ("accepted", "rejected"),
    "accepted": ("done", "rejected"),
    "rejected": ("accepted",),
    "done": ("measured",),
    "measured": ("measured",),
}
"""What may become of a recommendation, by its status; an effect may be measured again when more is known."""
