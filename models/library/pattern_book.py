"""What people did to patterns: names, merges and splits. An id never means anything else than it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from livewarden.ids import stable_id


@dataclass(frozen=True, slots=True)
class PatternState:
    """What was done to one pattern. It is in force, or an alias of `merged_into`, or retired into the two of
    `split_into`: the first took the entries of `taken`, the second the rest.

    So an old id leads on to what it is now, and never stands for other cases than it did.
    """

    pattern_id: str
    version: int = 1
    name: str = ""
    merged_into: str = ""
    split_into: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    made_of: str = ""
    by: str = ""
    why: str = ""
    at_ms: int = 0


class PatternBook:
    """Patterns to which something was done, by id; any other is as its key founded it.

    >>> book = PatternBook()
    >>> [each.pattern_id for each in book.merge("a", "b", by="ana", why="the same", at_ms=0)]
    ['a']
    >>> split = book.split("b", ["c7"], "payouts", "the rest", "x1", by="ana", why="two things", at_ms=0)
    >>> two = [each.pattern_id for each in split]
    >>> book.leads_to("a") == tuple(two[1:]), book.pattern_of("a", "c7") == two[1]
    (True, True)
    """

    def __init__(self) -> None:
        self.by_id: dict[str, PatternState] = {}

    def __getitem__(self, pattern_id: str) -> PatternState:
        return self.by_id.get(pattern_id) or PatternState(pattern_id, version=0)

    def name(self, pattern_id: str, name: str, *, by: str, why: str, at_ms: int) -> list[PatternState]:
        """Give a pattern in force a name. This and the others give what changed, and are a ValueError in words where
        it may not be.
        """
        self._in_force(pattern_id)
        return [self._changed(pattern_id, by, why, at_ms, name=name)]

    def merge(self, pattern_id: str, into: str, *, by: str, why: str, at_ms: int) -> list[PatternState]:
        """Make a pattern an alias of another one in force."""
        self._in_force(pattern_id)
        self._in_force(into)
        if pattern_id == into:
            raise ValueError("a pattern is not merged into itself")
        return [self._changed(pattern_id, by, why, at_ms, merged_into=into)]

    def split(
        self, pattern_id: str, entries: list[str], name: str, rest: str, made_by: str, *, by: str, why: str, at_ms: int
    ) -> list[PatternState]:
        """Retire a pattern into two: `name` takes `entries`, `rest` all others and what comes. `made_by`: id of the
        action, of which the two ids are made.
        """
        self._in_force(pattern_id)
        if not entries:
            raise ValueError("say which entries go into the first of the two")
        two = tuple(stable_id("split", made_by, each) for each in ("taken", "rest"))
        taken = tuple(sorted(set(entries)))
        retired = self._changed(pattern_id, by, why, at_ms, split_into=two, taken=taken)
        made = [
            self._changed(each, by, why, at_ms, name=called, made_of=pattern_id)
            for each, called in zip(two, (name, rest), strict=True)
        ]
        return [retired, *made]

    def leads_to(self, pattern_id: str) -> tuple[str, ...]:
        """The patterns in force that an id stands for now: itself, the one it was merged into, or what it was split
        into.
        """
        state = self[pattern_id]
        if state.merged_into:
            return self.leads_to(state.merged_into)
        if state.split_into:
            found = (each for part in state.split_into for each in self.leads_to(part))
            return tuple(dict.fromkeys(found))
        return (pattern_id,)

    def pattern_of(self, pattern_id: str, entry_id: str) -> str:
        """The pattern in force of an entry that came in with `pattern_id`."""
        state = self[pattern_id]
        while state.merged_into or state.split_into:
            if state.merged_into:
                state = self[state.merged_into]
            else:
                state = self[state.split_into[0 if entry_id in state.taken else 1]]
        return state.pattern_id

    def _in_force(self, pattern_id: str) -> None:
        state = self[pattern_id]
        if state.merged_into:
            raise ValueError(f"the pattern was merged into {state.merged_into}")
        if state.split_into:
            raise ValueError(f"the pattern was split into {' and '.join(state.split_into)}")

    def _changed(self, pattern_id: str, by: str, why: str, at_ms: int, **changes: Any) -> PatternState:
        before = self[pattern_id]
        values = asdict(before) | changes | {"version": before.version + 1, "by": by, "why": why, "at_ms": at_ms}
        self.by_id[pattern_id] = PatternState(**values)
        return self.by_id[pattern_id]


def pattern_state(values: Mapping[str, Any]) -> PatternState:
    """The state that its plain values say."""
    return PatternState(**{**values, "split_into": tuple(values["split_into"]), "taken": tuple(values["taken"])})
