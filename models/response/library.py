"""What people do to the case library: entries are put in, patterns named, merged and split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from livewarden.action import AddEntry, MergePattern, MoveRecommendation, NamePattern, Recommend, SplitPattern
from models.library.pattern_book import PatternBook, PatternState, pattern_state
from models.response.cases import Cases
from models.response.change_set import AddedEntry, ChangeSet
from models.response.recommendations import Recommendations
from models.response.rejected import Rejected

OnLibrary = AddEntry | NamePattern | MergePattern | SplitPattern | Recommend | MoveRecommendation


class Library:
    """Patterns that people did something to; entries go through, and are kept by the table alone."""

    def __init__(self, changes: ChangeSet, cases: Cases) -> None:
        self._changes = changes
        self._cases = cases
        self._book = PatternBook()
        self.recommendations = Recommendations()

    def apply(self, action: OnLibrary) -> str:
        """Do what a person wants; says what was done. Refused where it may not be."""
        if isinstance(action, AddEntry):
            case_id = action.entry.entry_id
            state = self._cases[case_id].state if case_id in self._cases else "closed"
            if state not in ("closed", "dismissed"):
                raise Rejected(f"the case is {state}: only one that is closed or dismissed goes into the library")
            self._changes.entries.append(AddedEntry(action.entry, action.who, self._changes.now_ms))
            return "it is in the library"
        if isinstance(action, Recommend | MoveRecommendation):
            recommendation, text = self.recommendations.apply(action, self._changes.now_ms)
            self._changes.recommendation(recommendation)
            return text
        stamp: dict[str, Any] = {"by": action.who, "why": action.why, "at_ms": self._changes.now_ms}
        try:
            if isinstance(action, NamePattern):
                changed = self._book.name(action.pattern_id, action.name, **stamp)
                said = f"the pattern is called {action.name}"
            elif isinstance(action, MergePattern):
                changed = self._book.merge(action.pattern_id, action.into, **stamp)
                said = f"the pattern is part of {action.into}"
            else:
                entries = list(action.entry_ids)
                changed = self._book.split(
                    action.pattern_id, entries, action.name, action.rest, action.action_id, **stamp
                )
                said = f"the pattern is split into {changed[1].pattern_id} and {changed[2].pattern_id}"
        except ValueError as error:
            raise Rejected(str(error)) from error
        for each in changed:
            self._changes.pattern(each)
        return said

    def names(self) -> list[str]:
        """Ids of the patterns that are kept here."""
        return list(self._book.by_id)

    def __getitem__(self, pattern_id: str) -> PatternState:
        return self._book.by_id[pattern_id]

    def restore(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from the states of all patterns."""
        self._book.by_id = {name: pattern_state(state) for name, state in states.items()}
