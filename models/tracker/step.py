"""One thing that a workbook asks of a case, with an id by which it is done once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from livewarden.action import Action, AssignCase, MoveCase, Note
from livewarden.ids import stable_id
from livewarden.times import instant
from livewarden.tracker import Decided

CellName = Literal["state", "owner", "due_at", "note"]
StepKind = Literal["move", "assign", "note"]
Value = str | int | Decided | None
"""Of a cell: a text, an instant in ms UTC, a state with its resolution and to whom it is escalated, or nothing."""
TRIES = 8
"""How many times one step may be refused and asked for again; after that the file is to be exported anew."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one case is asked for: a state, an owner and a due date, or a note.

    `asked` is all that the file asks for in this step, and with the case what makes two steps the same; `values` the
    part of it that is left to do.
    """

    case_id: str
    kind: StepKind
    asked: Mapping[CellName, Value]
    left: Mapping[CellName, Value] | None = None

    @property
    def values(self) -> Mapping[CellName, Value]:
        """What is left to do."""
        return self.asked if self.left is None else self.left

    def only(self, values: Mapping[CellName, Value]) -> Step:
        """The same step, of which only this is left."""
        return Step(self.case_id, self.kind, self.asked, values)

    def action_id(self, export_id: str, attempt: int = 0) -> str:
        """The id of its request: the same for the same edit of the same export, however often it is imported."""
        return stable_id("tracker", export_id, self.case_id, self.kind, sorted(self.asked.items()), attempt)

    def action(self, stamp: Mapping[str, Any], expects: int) -> Action:
        """The request; `stamp` has the fields of every action but `why`, `expects` is the version that was seen."""
        fields: dict[str, Any] = {**stamp, "case_id": self.case_id}
        values = self.values
        note = str(values.get("note", ""))
        if "state" in values:
            state, resolution, to_whom = cast(Decided, values["state"])
            given = {"to": state, "resolution": resolution or None, "to_whom": to_whom or None}
            return MoveCase(**fields, expects=expects, why=note, **cast(Any, given))
        if self.kind == "assign":
            due = values.get("due_at")
            return AssignCase(
                **fields,
                expects=expects,
                owner=cast(str | None, values.get("owner")),
                due_at=None if due is None else instant(cast(int, due)),
            )
        return Note(**fields, why=note)

    def attempt(self, export_id: str, outcomes: Mapping[str, str]) -> int | None:
        """How often it was refused, by the outcomes of requests by their id; None where it was accepted."""
        for attempt in range(TRIES):
            outcome = outcomes.get(self.action_id(export_id, attempt))
            if outcome != "refused":
                return None if outcome == "accepted" else attempt
        return TRIES

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Step) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, ...]:
        return self.case_id, self.kind, tuple(sorted(self.asked.items()))
