"""Events, partials, judgements, alerts and cases as the rows of their tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from livewarden.alert import Alert
from livewarden.contracts import unknown_fields
from livewarden.errors import InvalidEvent
from livewarden.event import Event
from livewarden.times import parse_ms
from models.aggregate.aggregator import Outcome
from models.aggregate.event_run import EventRun
from models.aggregate.partial import Partial
from models.aggregate.partial import Row as PartialRow
from models.decide.judged import Judged
from models.monitors.monitor import Monitor
from streams.stages.marker import Passed
from streams.stages.output import Output, Row, WireRecord

MOST_UNKNOWN: Final = 20
"""Unknown fields of one event that are named; the event keeps all of them."""


def alert_row(alert: Alert, run: str) -> Row:
    """An alert as a row of `alerts`."""
    row = alert.to_json(run)
    for name in ("window_start", "window_end", "ends_at"):
        row[name] = getattr(alert, f"{name}_ms")
    if alert.explanation is not None:
        row["explanation"] = orjson.dumps(alert.explanation).decode()
    return row


def case_row(case: Row) -> Row:
    """A candidate as a row of `case_candidates`."""
    times = {name: case[name] and parse_ms(case[name]) for name in ("started_at", "ended_at")}
    return case | times | {"evidence": orjson.dumps(case["evidence"]).decode()}


def judged_row(judged: Judged, run: str) -> Row:
    """A judged bucket as a row of `judgements`."""
    row = {
        name: getattr(judged, name)
        for name in ("monitor", "config_hash", "series", "observed", "expected", "score", "state")
    }
    return row | {"run": run, "window_start": judged.window_start_ms, "window_end": judged.window_end_ms}


def event_row(topic: str, event: Event, record: WireRecord, outcome: Outcome) -> Row:
    """A valid event as a row of `events`, its data as it came."""
    data, value = event.data, record.value or b""
    named = dict(record.headers)
    binary = "ce_type" in named and not (named.get("content-type") or b"").lower().startswith(
        b"application/cloudevents"
    )
    return {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "event_id": event.id,
        "type": data.type_name,
        "source": event.source,
        "event_time": event.time_ms,
        "precision": data.time_precision,
        "weight": data.weight,
        "late": int(outcome == "late"),
        "duplicate": int(outcome in ("duplicate", "conflict")),
        "conflict": int(outcome == "conflict"),
        "unknown_fields": [name[:200] for name in unknown_fields(data)[:MOST_UNKNOWN]],
        "key": (record.key or b"").decode(errors="replace"),
        "data": value.decode() if binary else orjson.dumps(orjson.loads(value)["data"]).decode(),
    }


def event_columns(
    topic: str, records: Sequence[WireRecord], run: EventRun, outcomes: Sequence[Outcome]
) -> dict[str, Sequence[Any]]:
    """Valid events in binary mode, without unknown fields, as columns of `events`: what `event_row` says of each."""
    count = len(run)
    keys = [record.key or b"" for record in records]
    if not b"".join(keys).isascii():
        keys = [key.decode(errors="replace").encode() for key in keys]
    return {
        "topic": [topic] * count,
        "partition": [record.partition for record in records],
        "offset": [record.offset for record in records],
        "event_id": run.ids,
        "type": [body.type_name for body in run.bodies],
        "source": run.sources,
        "event_time": run.time_ms.tolist(),
        "precision": [body.time_precision for body in run.bodies],
        "weight": [body.weight for body in run.bodies],
        "late": [int(outcome == "late") for outcome in outcomes],
        "duplicate": [int(outcome in ("duplicate", "conflict")) for outcome in outcomes],
        "conflict": [int(outcome == "conflict") for outcome in outcomes],
        "unknown_fields": [[]] * count,
        "key": keys,
        "data": [record.value for record in records],
    }


def dead_row(topic: str, record: WireRecord, error: InvalidEvent) -> Row:
    """A record that breaks its contract as a row of `dead_letters`, its bytes as they came."""
    return {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": error.reason,
        "detail": error.detail,
        "key": (record.key or b"").decode(errors="replace"),
        "headers": orjson.dumps(
            {name: (value or b"").decode(errors="replace") for name, value in record.headers}
        ).decode(),
        "value": record.value or b"",
        "recorded_at": max(0, record.timestamp),
    }


def pass_over(topic: str, passed: Passed, next_offset: int, output: Output) -> None:
    """Account for offsets without records: a dead letter `lost_unread` for what was deleted before it was read."""
    lost = passed.lost(next_offset)
    if lost:
        first = passed.offset + 1 - lost
        output.lost += lost
        detail = f"{lost} records, offsets {first} to {passed.offset}, were deleted from the log before they were read"
        row = dead_row(topic, passed, InvalidEvent("lost_unread", detail))
        headers = orjson.dumps({"livewarden_lost": str(lost)}).decode()
        output.row("dead_letters", row | {"offset": first, "headers": headers})


def partial_row(partial: Partial, monitor: Monitor, row: PartialRow) -> Row:
    """One series of a partial as a row of `partials`."""
    series, value, exposure, sketch = row
    return {
        "monitor": partial.monitor,
        "config_hash": partial.sums_hash,
        "window_start": partial.start_ms,
        "window_end": partial.start_ms + monitor.bucket,
        "series": dict(zip(monitor.group_by, series, strict=True)),
        "topic": partial.topic,
        "partition": partial.partition,
        "value": value,
        "exposure": exposure,
        "distinct": sketch,
    }
