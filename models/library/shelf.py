"""The library as a whole: entries, what people did to patterns, and what may be asked of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from livewarden.library import PatternLine, SimilarCase
from livewarden.library_entry import LibraryEntry
from livewarden.times import to_ms
from models.library.assignment import Assigned, Assignment
from models.library.pattern_book import PatternBook, PatternState
from models.library.pattern_key import pattern_key
from models.library.recurrence import QUARTER_MS, recurrence
from models.library.risk import Risks, weeks_of


class Shelf:
    """Entries by id, each with the pattern in force; `book` says what became of the others.

    >>> shelf = Shelf([LibraryEntry(entry_id="c1", title="Warnings doubled", pattern_id="p")], [])
    >>> [(each.cases, each.name) for each in shelf.patterns(0)]
    [(1, 'nothing known')]
    """

    def __init__(self, entries: Iterable[LibraryEntry], states: Iterable[PatternState]) -> None:
        self.book = PatternBook()
        self.book.by_id = {each.pattern_id: each for each in states}
        self.entries: dict[str, LibraryEntry] = {}
        self._members: dict[str, dict[str, LibraryEntry]] = {}
        self._assignment = Assignment()
        for each in entries:
            self._keep(each)

    def _keep(self, entry: LibraryEntry) -> None:
        now = self.book.pattern_of(entry.pattern_id, entry.entry_id) if entry.pattern_id else ""
        kept = entry.model_copy(update={"pattern_id": now})
        self._assignment.known(kept)
        self._place(kept)

    def _place(self, entry: LibraryEntry) -> None:
        self.entries[entry.entry_id] = entry
        if entry.pattern_id:
            self._members.setdefault(entry.pattern_id, {})[entry.entry_id] = entry

    def with_pattern(self, entry: LibraryEntry) -> tuple[LibraryEntry, Assigned | None]:
        """The entry with the pattern that it would have."""
        found = self._assignment.find(entry)
        return entry.model_copy(update={"pattern_id": found.pattern_id if found else ""}), found

    def take(self, entry: LibraryEntry) -> LibraryEntry:
        """The entry with its pattern, which it keeps; it is in the library from now on."""
        found = self._assignment.assign(entry)
        kept = entry.model_copy(update={"pattern_id": found.pattern_id if found else ""})
        self._place(kept)
        return kept

    def similar(self, entry: LibraryEntry, *, most: int = 5) -> list[SimilarCase]:
        """At most `most` cases that are alike, what matched, and how they ended; none under the floor."""
        found = []
        for each in self._assignment.index.alike(entry, most=most):
            kept = self.entries[each.entry_id]
            found.append(SimilarCase(kept, each.score, each.matched, kept.pattern_id, self.name(kept.pattern_id)))
        return found

    def members(self, pattern_id: str) -> list[LibraryEntry]:
        """The entries of a pattern, the newest first; of an id that is no longer in force those of what it leads to."""
        found = [each for one in self.book.leads_to(pattern_id) for each in self._members.get(one, {}).values()]
        return sorted(found, key=lambda each: (-_at(each), each.entry_id))

    def name(self, pattern_id: str) -> str:
        """The name that people gave, else the key of its first entry in words; "" of no pattern."""
        if not pattern_id:
            return ""
        return self.book[pattern_id].name or self._key(pattern_id)

    def patterns(self, now_ms: int, exposure: Mapping[str, float] | None = None) -> list[PatternLine]:
        """All patterns in force with a case, those that are expected to cost most first, those with few cases last.

        `exposure`: by policy, the measures of this quarter against those of the last.
        """
        by_id = {pattern_id: [*entries.values()] for pattern_id, entries in self._members.items()}
        risks = Risks(list(by_id.values()), weeks_of([*self.entries.values()], now_ms))
        found = []
        for pattern_id, entries in by_id.items():
            begun = [at for each in entries if (at := _at(each))]
            clause = Counter(each.policy_clause for each in entries).most_common(1)[0][0]
            found.append(
                PatternLine(
                    pattern_id=pattern_id,
                    name=self.name(pattern_id),
                    key=self._key(pattern_id),
                    cases=len(entries),
                    this_quarter=sum(0 <= now_ms - at < QUARTER_MS for at in begun),
                    last_quarter=sum(QUARTER_MS <= now_ms - at < 2 * QUARTER_MS for at in begun),
                    recurring=recurrence(begun, now_ms, (exposure or {}).get(clause, 1.0)),
                    last_ms=max(begun, default=None),
                    ended=dict(Counter(each.resolution or "" for each in entries).most_common()),
                    risk=risks.of(entries),
                )
            )
        return sorted(found, key=_rank)

    def _key(self, pattern_id: str) -> str:
        """The commonest key of its entries, in words."""
        keys = Counter(pattern_key(each).words for each in self._members.get(pattern_id, {}).values())
        return min(keys, key=lambda each: (-keys[each], each)) if keys else ""


def _rank(line: PatternLine) -> tuple[bool, float, float, str]:
    risk = line.risk
    return (risk.few, -(risk.gmv_minor_week or 0.0), -risk.wrong_week, line.pattern_id)


def _at(entry: LibraryEntry) -> int:
    return to_ms(entry.started_at) if entry.started_at is not None else 0
