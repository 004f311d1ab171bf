"""The three-way merge of a workbook: what it was when it was exported, what came back, and what the cases are now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from livewarden.case_state import MOVES, RESOLUTIONS
from livewarden.tracker import EDITABLE, ENDED, STATE_COLUMNS, SheetRow, TrackerRow, decision
from models.tracker.cell import ms_of, text_of
from models.tracker.step import CellName, Step, StepKind, Value

Outcome = Literal["apply", "agreed", "conflict"]
_STEP: Final[Mapping[CellName, StepKind]] = {"state": "move", "owner": "assign", "due_at": "assign", "note": "note"}
_LONGEST_WHY: Final = 2_000
_LONGEST_NOTE: Final = 10_000
_LONGEST_NAME: Final = 100
_WITH_A_STATE: Final = "resolution and escalated_to are given with a new state"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A cell that was changed in the workbook and here, differently."""

    row: int
    case_id: str
    cell: CellName
    base: Value
    theirs: Value
    ours: Value

    def __str__(self) -> str:
        was, file, here = (_shown(each) for each in (self.base, self.theirs, self.ours))
        return f"row {self.row}, case {self.case_id}: {self.cell} was {was}, is {file} in the file and {here} here"


@dataclass(frozen=True, slots=True)
class Merge:
    """What a workbook asks for. Where there is a conflict or a mistake, none of it is to be done.

    `done`: edits that an earlier import of the same file has made; `agreed`: edits that somebody else made alike;
    `kept`: cells that were changed here alone.
    """

    steps: Sequence[Step] = ()
    conflicts: Sequence[Conflict] = ()
    mistakes: Sequence[str] = ()
    done: int = 0
    agreed: int = 0
    kept: int = 0

    @property
    def refused(self) -> bool:
        """Whether the whole file is refused."""
        return bool(self.conflicts or self.mistakes)


@dataclass(slots=True)
class _Edits:
    """What the rows of one case ask for: by cell the values, each with its row."""

    base: TrackerRow
    values: dict[CellName, dict[Value, int]] = field(default_factory=dict)

    def steps(self) -> list[Step]:
        """What the case is asked for, in the order in which it is to be done: a state sets a due date of its own."""
        groups: dict[StepKind, dict[CellName, Value]] = {"move": {}, "assign": {}, "note": {}}
        for cell, values in self.values.items():
            kind: StepKind = "move" if cell == "note" and "state" in self.values else _STEP[cell]
            groups[kind][cell] = next(iter(values))
        return [Step(self.base.case_id, kind, values) for kind, values in groups.items() if values]


@dataclass(slots=True)
class _Merged:
    """The merge as it grows."""

    mistakes: list[str]
    steps: list[Step] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    done: int = 0
    agreed: int = 0
    kept: int = 0

    def step(self, step: Step, found: _Edits, mine: TrackerRow) -> None:
        """What becomes of each cell of a step."""
        wanted = dict[CellName, Value]()
        for cell, value in step.values.items():
            number, was, now = found.values[cell][value], _value(found.base, cell), _value(mine, cell)
            outcome = outcome_of(was, value, now)
            if outcome == "conflict":
                self.conflicts.append(Conflict(number, mine.case_id, cell, was, value, now))
            elif outcome == "agreed":
                self.agreed += 1
            else:
                wanted[cell] = value
                problems = _problems(cell, value, mine, step)
                self.mistakes += [f"row {number}, case {mine.case_id}: {text}" for text in problems]
        if wanted:
            self.steps.append(step.only(wanted))


def outcome_of(base: Value, theirs: Value, ours: Value) -> Outcome:
    """What becomes of an edit, `theirs` being another value than `base`.

    >>> outcome_of("ana", "ben", "ana"), outcome_of("ana", "ben", "ben"), outcome_of("ana", "ben", "eva")
    ('apply', 'agreed', 'conflict')
    """
    if ours == base:
        return "apply"
    return "agreed" if ours == theirs else "conflict"


def steps_of(base: Iterable[TrackerRow], rows: Iterable[SheetRow]) -> list[Step]:
    """All that the rows ask for, whatever the cases are by now."""
    edits, _ = _read(base, rows)
    return [step for each in edits.values() for step in each.steps()]


def merge(
    base: Iterable[TrackerRow],
    rows: Iterable[SheetRow],
    ours: Mapping[str, TrackerRow],
    accepted: Iterable[Step] = (),
) -> Merge:
    """Merge the rows of a workbook that was exported as `base` into cases that are `ours` by now.

    Rows may come in any order, some may be missing (which changes nothing), and one may stand twice as long as its
    copies do not ask for different things. `accepted`: steps that were made before.

    >>> was = TrackerRow("c1", 3, "open", owner="ana")
    >>> [step.values for step in merge([was], [SheetRow(2, {"case_id": "c1", "owner": "ben"})], {"c1": was}).steps]
    [{'owner': 'ben'}]
    """
    edits, mistakes = _read(base, rows)
    made, merged = set(accepted), _Merged(mistakes)
    for case_id, found in edits.items():
        mine = ours.get(case_id)
        if mine is None:
            merged.mistakes += [f"case {case_id} is not here any more"] if found.values else []
            continue
        merged.kept += sum(_value(found.base, cell) != _value(mine, cell) for cell in _STEP if cell not in found.values)
        for step in found.steps():
            if step in made:
                merged.done += len(step.values)
            else:
                merged.step(step, found, mine)
    return Merge(
        tuple(merged.steps), tuple(merged.conflicts), tuple(merged.mistakes), merged.done, merged.agreed, merged.kept
    )


def _read(base: Iterable[TrackerRow], rows: Iterable[SheetRow]) -> tuple[dict[str, _Edits], list[str]]:
    found = {each.case_id: _Edits(each) for each in base}
    numbers = {float(name): name for name in found if _is_number(name)}
    mistakes = []
    for row in rows:
        cell = row.cells.get("case_id")
        case_id = numbers.get(float(cell), "") if isinstance(cell, int | float) else text_of(cell)
        if case_id not in found:
            mistakes += _stranger(row, case_id)
            continue
        edits = found[case_id]
        try:
            asked = _edited(row, edits.base)
        except ValueError as error:
            mistakes.append(f"row {row.number}, case {case_id}: {error}")
            continue
        for name, value in asked.items():
            edits.values.setdefault(name, {}).setdefault(value, row.number)
    for case_id, edits in found.items():
        for name, values in edits.values.items():
            if len(values) > 1:
                said = " and ".join(f"{_shown(value)} in row {number}" for value, number in values.items())
                mistakes.append(f"case {case_id} stands more than once: {name} is {said}")
    return found, mistakes


def _stranger(row: SheetRow, case_id: str) -> list[str]:
    """What is wrong with a row of no case that was exported: nothing where it asks for nothing."""
    if case_id:
        return [f"row {row.number}: case {case_id} was not exported with this file"]
    if any(text_of(row.cells.get(name)) for name in EDITABLE):
        return [f"row {row.number} has no case: livewarden case open makes a new one"]
    return []


def _edited(row: SheetRow, base: TrackerRow) -> dict[CellName, Value]:
    """By cell what the row asks for that is not so in the export."""
    cells = row.cells
    values: dict[CellName, Value] = {}
    written = tuple(
        text_of(cells[name], was) if name in cells else was
        for name, was in zip(STATE_COLUMNS, base.written, strict=True)
    )
    if written != base.written:
        values["state"] = decision(written[0].lower(), written[1].upper(), written[2])
        if values["state"] == base.decided:
            raise ValueError(_WITH_A_STATE)
    if "owner" in cells:
        values["owner"] = text_of(cells["owner"], base.owner)
    if "due_at" in cells:
        try:
            values["due_at"] = ms_of(cells["due_at"], base.due_ms)
        except ValueError as error:
            raise ValueError(f"due_at: {error}") from error
    values["note"] = text_of(cells.get("note"))
    return {name: value for name, value in values.items() if value != _value(base, name)}


def _value(row: TrackerRow, cell: CellName) -> Value:
    if cell == "state":
        return row.decided
    return {"owner": row.owner, "due_at": row.due_ms, "note": ""}[cell]


def _problems(cell: CellName, value: Value, mine: TrackerRow, step: Step) -> list[str]:
    """Why an edit cannot be made."""
    if mine.state == "merged" and cell != "note":
        return ["the case was merged into another one"]
    if cell == "state":
        assert isinstance(value, tuple)
        return _state_problems(value, mine)
    if cell == "note":
        longest = _LONGEST_WHY if step.kind == "move" else _LONGEST_NOTE
        length = len(str(value))
        return [f"note: {length:,} characters are more than {longest:,}"] if length > longest else []
    if value in ("", None):
        return [f"{cell}: a case keeps its {'owner' if cell == 'owner' else 'due date'}: write another one"]
    return [f"owner: more than {_LONGEST_NAME} characters"] if len(str(value)) > _LONGEST_NAME else []


def _state_problems(value: tuple[str, str, str], mine: TrackerRow) -> list[str]:
    state, resolution, to_whom = value
    if state == mine.state:
        return [_WITH_A_STATE]
    problems = []
    if state not in MOVES.get(mine.state, ()):
        able = ", ".join(MOVES.get(mine.state, ())) or "nothing"
        problems.append(f"a case that is {mine.state} cannot be {state or 'nothing'}, only {able}")
    if state in ENDED and resolution not in RESOLUTIONS:
        problems.append(f"resolution: {resolution or 'none'} is none of {', '.join(RESOLUTIONS)}")
    if state == "escalated" and not 0 < len(to_whom) <= _LONGEST_NAME:
        problems.append("escalated_to: say to whom, in at most 100 characters")
    return problems


def _shown(value: Value) -> str:
    if isinstance(value, tuple):
        return " ".join(each for each in value if each) or "nothing"
    if isinstance(value, int):
        return TrackerRow("", 0, "", due_ms=value).due
    return repr(value) if value else "nothing"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
