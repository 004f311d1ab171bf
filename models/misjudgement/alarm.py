"""The radar's alerts: a cell whose measures turn out wrong more often than they used to, as any other alert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from livewarden.alert import CELL_LABELS, RADAR, Alert
from livewarden.ids import stable_id
from livewarden.times import DAY_MS, format_ms
from models.misjudgement.cell import Cell
from models.misjudgement.jump import Jump
from models.misjudgement.radar import RECENT_DAYS, Change, RadarLine

KIND: Final = "OVERTURN_RISE"
CARRIES: Final = 0.6
"""A cell below another one is where it is when it carries so much of the excess."""
_CONFIG: Final = stable_id(RADAR, CARRIES, RECENT_DAYS)[:12]


def alarms(
    lines: Iterable[RadarLine], last_day: int, changes: Sequence[Change], firing: Iterable[Alert]
) -> list[Alert]:
    """What the radar at the end of `last_day` adds to the alerts that still fire, `firing`: new ones, and ends of
    those whose cell jumps no more. Asked again about the same day, with what it said taken in, it adds nothing.

    A jump is raised once, at the narrowest cell that carries 60 % of what is beyond the usual: a cell above or below
    one that fires is the same. It does badly where two cells under one parent jump at once by about as much: the parent
    is named.
    """
    jumping = {line.cell: line for line in lines if line.jump is not None}
    before = {_cell(alert): alert for alert in firing}
    found = {line.cell: line for line in _narrowed(jumping)}
    ends = [
        alert.resolved((last_day + 1) * DAY_MS)
        for cell, alert in sorted(before.items(), key=lambda each: str(each[0]))
        if not any(_related(cell, other) for other in jumping)
    ]
    new = [line for cell, line in found.items() if not any(_related(cell, other) for other in before)]
    return ends + [_alert(line, line.jump, last_day, changes) for line in new if line.jump is not None]


def _narrowed(jumping: Mapping[Cell, RadarLine]) -> Iterator[RadarLine]:
    for cell, line in sorted(jumping.items(), key=lambda each: (each[0].depth, str(each[0]))):
        if any(above in jumping for above in cell.lineage()[1:]):
            continue
        while below := [each for other, each in jumping.items() if other != line.cell and line.cell in other.lineage()]:
            largest = max(below, key=lambda each: (_excess(each), str(each.cell)))
            if _excess(largest) < CARRIES * _excess(line):
                break
            line = largest
        yield line


def _excess(line: RadarLine) -> float:
    wrong, usual = _size(line)
    return wrong - usual


def _size(line: RadarLine) -> tuple[float, float]:
    """How many measures of the cohorts that jump turn out wrong, and how many usually would."""
    if line.reading is None or line.jump is None:
        return 0.0, 0.0
    last = slice(-line.jump.cohorts, None)
    reading = line.reading
    return float(reading.nowcast.estimate[last].sum()), reading.usual * float(reading.measures[last].sum())


def _related(one: Cell, other: Cell) -> bool:
    return one in other.lineage() or other in one.lineage()


def _cell(alert: Alert) -> Cell:
    return Cell(*(alert.series.get(label) for label in CELL_LABELS.values()))


def _alert(line: RadarLine, jump: Jump, last_day: int, changes: Sequence[Change]) -> Alert:
    start = (last_day - jump.cohorts + 1) * DAY_MS
    named = [change for change in changes if change.change_id in line.changes]
    wrong, usual = _size(line)
    alert_id = stable_id(RADAR, str(line.cell), start)
    return Alert(
        alert_id=alert_id,
        version=1,
        episode_id=alert_id,
        monitor=RADAR,
        kind=KIND,
        direction="UP",
        series={CELL_LABELS[name]: part for name, part in line.cell.named.items()},
        window_start_ms=start,
        window_end_ms=(last_day + 1) * DAY_MS,
        observed=round(wrong, 1),
        expected=round(usual, 1),
        score=round(jump.factor, 3),
        severity="warning",
        status="firing",
        config_hash=_CONFIG,
        explanation=_explanation(line, jump, start, named),
    )


def _explanation(line: RadarLine, jump: Jump, start_ms: int, named: Sequence[Change]) -> dict[str, Any]:
    day = format_ms(start_ms)[:10]
    text = (
        f"Measures since {day} turn out wrong ×{jump.factor:.1f} as often as they used to (at least ×{jump.low:.1f}),"
        f" per {jump.per}; of the last {RECENT_DAYS} days {line.maturity or 0.0:.0%} of the reversals to come are seen."
    )
    speaks = [
        f"{each.change_id} of {each.target} names it, from {format_ms(each.day * DAY_MS)[:10]} on" for each in named
    ]
    strength = "moderate" if named else "none"
    card = {"verdict": _verdict(line.cell, named), "strength": strength, "for": speaks, "against": []}
    rows = [
        {
            "change_id": each.change_id,
            "kind": "CHANGE",
            "target": each.target,
            "at": format_ms(each.day * DAY_MS),
            "relation": "named",
            "minutes_before": (start_ms - each.day * DAY_MS) // 60_000,
            "supports": True,
        }
        for each in named
    ]
    return {"text": text, "onset": format_ms(start_ms), "changes": rows, "verdict": card}


def _verdict(cell: Cell, named: Sequence[Change]) -> str:
    if not named:
        return "INSUFFICIENT_EVIDENCE"
    by_target = {cell.policy: "POLICY", cell.queue: "REVIEW_OPERATIONS"}
    return by_target.get(named[0].target, "MODEL")
