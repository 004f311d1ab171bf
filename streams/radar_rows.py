"""What the radar says of a cell, as plain values and as a row of `misjudgement_readings`."""

from __future__ import annotations

from typing import Any

import orjson

from livewarden.times import DAY_MS
from models.misjudgement.radar import RadarLine
from sinks.store.tables import Row


def as_plain(line: RadarLine) -> dict[str, Any]:
    """A line of the radar as plain JSON values; rates are rounded to six places."""
    measures, wrong, reading_ = line.counted["measures"], line.wrong, line.reading
    rate = [round(each / measures, 6) for each in wrong] if wrong and measures else None
    return {
        "cell": line.cell.named,
        "counted": dict(line.counted),
        "sufficient": reading_ is not None,
        "see": line.see.named if line.see else None,
        "wrong": [round(each, 2) for each in wrong] if wrong else None,
        "per_measure": rate,
        "per_decided_appeal": line.per_decided_appeal,
        "usual_per_measure": round(reading_.usual, 6) if reading_ else None,
        "maturity": round(line.maturity, 4) if line.maturity is not None else None,
        "delay_moved": round(reading_.shift.pace, 3) if reading_ and reading_.shift else None,
        "jump": _jump(line),
        "changes": list(line.changes),
    }


def _jump(line: RadarLine) -> dict[str, Any] | None:
    jump = line.jump
    if jump is None:
        return None
    return {"per": jump.per, "days": jump.cohorts, "factor": round(jump.factor, 3), "at_least": round(jump.low, 3)}


def note_of(line: RadarLine) -> str:
    """What is to be said beside its numbers."""
    if line.reading is None:
        return f"too few or too young: see {line.see}" if line.see else "too few or too young"
    notes = []
    if line.jump is not None:
        because = f" since {line.changes[0]}" if line.changes else f" over {line.jump.cohorts} days"
        notes.append(f"JUMP ×{line.jump.factor:.1f} per {line.jump.per}{because}")
    if line.reading.shift is not None:
        notes.append(f"delay moved: ×{line.reading.shift.pace:.1f} as fast")
    return "; ".join(notes)


def reading_row(line: RadarLine, last: int, now_ms: int) -> Row:
    """The row of a cell at the end of a day; the newest of a day counts."""
    plain = as_plain(line)
    estimate, low, high = plain["wrong"] or (None, None, None)
    return {
        "day": last * DAY_MS,
        "cell": str(line.cell),
        "version": now_ms,
        "depth": line.cell.depth,
        "measures": line.counted["measures"],
        "appealed": line.counted["appealed"],
        "reversed": line.counted["appeal_granted"] + line.counted["proactive_correction"],
        "estimate": estimate,
        "low": low,
        "high": high,
        "maturity": plain["maturity"],
        "jump": plain["jump"]["factor"] if plain["jump"] else None,
        "note": note_of(line),
        "reading": orjson.dumps(plain).decode(),
    }
