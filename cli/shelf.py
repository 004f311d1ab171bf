"""The case library out of ClickHouse, as the commands and the console work with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from cli.advice_bank import load_bank
from livewarden.errors import SetupError
from livewarden.library import Advised, CaseFacts, Coverage, EntryView, PatternLine, PatternView, SimilarCase
from livewarden.library_entry import LibraryEntry
from models.library.assignment import Assigned
from models.library.from_case import draft_of, entry_of
from models.library.pattern_book import PatternState, pattern_state
from models.library.recommendation import applies
from models.library.shelf import Shelf

if TYPE_CHECKING:
    from sinks.queries.library import PatternRecord
    from sinks.store.reader import Reader


class StoredLibrary:
    """The library as ClickHouse has it; read anew when something came in or was done to a pattern."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._mark: tuple[int, ...] = ()
        self._shelf = Shelf((), ())
        self._reading = asyncio.Lock()

    async def shelf(self) -> Shelf:
        """All entries and what people did to patterns."""
        from sinks.queries import library

        async with self._reading:
            mark = await library.mark(self._reader)
            if mark != self._mark:
                entries, states = await library.everything(self._reader), await library.patterns(self._reader)
                self._shelf = await asyncio.to_thread(_shelf, entries, states)
                self._mark = mark
            return self._shelf

    async def entry_of_case(self, case_id: str) -> tuple[LibraryEntry, Assigned | None]:
        """The entry that a closed case makes, with its pattern; SetupError where it is not over."""
        facts = await self._facts(case_id)
        if facts is None:
            raise SetupError(f"nobody works on a case {case_id!r}")
        try:
            entry = entry_of(facts)
        except ValueError as error:
            raise SetupError(str(error)) from error
        return (await self.shelf()).with_pattern(entry)

    async def entry_made_of(self, case_id: str) -> LibraryEntry:
        """The entry that a case makes as it is now; whether it may come in is for the response to say."""
        facts = await self._facts(case_id)
        if facts is None:
            raise SetupError(f"nobody works on a case {case_id!r}")
        return (await self.shelf()).with_pattern(draft_of(facts))[0]

    async def like_case(self, case_id: str) -> list[SimilarCase]:
        """Cases that are alike to one."""
        facts = await self._facts(case_id)
        return [] if facts is None else await self.like(facts)

    async def like(self, facts: CaseFacts) -> list[SimilarCase]:
        """Cases that are alike to what has these facts."""
        return (await self.shelf()).similar(draft_of(facts))

    async def entry(self, entry_id: str) -> EntryView | None:
        """One entry with what is alike; None where there is none of that id."""
        from sinks.queries import library

        record, shelf = await library.get(self._reader, entry_id), await self.shelf()
        if record is None or entry_id not in shelf.entries:
            return None
        entry = shelf.entries[entry_id]
        name = shelf.name(entry.pattern_id)
        return EntryView(entry, name, record.added_by, record.added_at, shelf.similar(entry))

    async def pattern(self, pattern_id: str, now_ms: int) -> PatternView | None:
        """One pattern with its cases, or what an old id leads to; None where nothing ever had that id."""
        shelf = await self.shelf()
        entries = shelf.members(pattern_id)
        if not entries and pattern_id not in shelf.book.by_id:
            return None
        line = next((each for each in await self.patterns(now_ms) if each.pattern_id == pattern_id), None)
        leads_to = {each: shelf.name(each) for each in shelf.book.leads_to(pattern_id)}
        return PatternView(pattern_id, leads_to, line, entries)

    async def patterns(self, now_ms: int) -> Sequence[PatternLine]:
        """Patterns in force, those that are expected to cost most first."""
        from sinks.queries import library

        shelf = await self.shelf()
        return shelf.patterns(now_ms, await library.exposure(self._reader, now_ms))

    async def advised(self, pattern_id: str) -> list[Advised]:
        """What the bank that ships has for a pattern."""
        entries = (await self.shelf()).members(pattern_id)
        return [
            Advised(each.id, each.team, each.text, each.precondition)
            for each in load_bank(None)
            if applies(each, entries)
        ]

    async def coverage(self) -> Coverage:
        """Of how many of all measures its cases are about."""
        from sinks.queries import library

        return await library.coverage(self._reader)

    async def _facts(self, case_id: str) -> CaseFacts | None:
        from sinks.queries import library_facts

        return await library_facts.of_case(self._reader, case_id)


def _shelf(entries: list[LibraryEntry], states: list[PatternRecord]) -> Shelf:
    return Shelf(entries, map(_state, states))


def _state(record: PatternRecord) -> PatternState:
    values = {each.name: getattr(record, each.name) for each in fields(PatternState) if each.name != "at_ms"}
    return pattern_state(values | {"at_ms": record.at})
