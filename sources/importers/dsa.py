"""Official daily dumps of the EU DSA Transparency Database, as events.

Event time is `created_at`, the entry into the database, because a dump holds the statements that were entered on its
day; when the measure applied from is kept as `effective_at`. The two are often days apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from livewarden.contracts import EnforcementAction, SourceHeartbeat, StatementOfReasons, Topic
from livewarden.errors import InvalidEvent
from livewarden.event import Event
from livewarden.ids import stable_id
from livewarden.times import DAY_MS, SECOND_MS, format_ms, parse_ms, to_ms
from sources.codec import event_of
from sources.importers.dsa_actions import actions_of
from sources.importers.dsa_files import Row, rows_of
from sources.importers.dsa_sort import MEMORY_BYTES, by_time
from sources.recording import DeadLine, OnDead, raise_dead

SOURCE = "urn:dsa-transparency-database"
"""CloudEvents source of the database's heartbeats; a statement's source adds `:` and its platform."""

_LISTS = ("decision_visibility", "category_addition", "category_specification", "content_type", "territorial_scope")
_TIMES = (
    *("end_date_visibility_restriction", "end_date_monetary_restriction"),
    *("end_date_service_restriction", "end_date_account_restriction"),
    *("content_date", "application_date", "created_at"),
)
_LEFT_OUT = ("decision_facts", "illegal_content_explanation", "incompatible_content_explanation", "source_identity")
_REVIEWER = {
    "AUTOMATED_DECISION_FULLY": "AUTOMATED",
    "AUTOMATED_DECISION_PARTIALLY": "HYBRID",
    "AUTOMATED_DECISION_NOT_AUTOMATED": "HUMAN",
}
_DUMP_NAME = re.compile(r"^sor-.+-(\d{4}-\d{2}-\d{2})-(?:full|light)\b")


def source_of(platform: str) -> str:
    """The CloudEvents source of a platform's filings.

    >>> source_of("Google Shopping")
    'urn:dsa-transparency-database:Google%20Shopping'
    """
    return f"{SOURCE}:{quote(platform, safe='')}"


def heartbeat(source: str, topic: Topic, from_ms: int, until_ms: int, *, ended: bool = False) -> Event:
    """The word that `source` filed all it had for `topic` in an interval;
    empty where it only says that the source ended.
    """
    data = SourceHeartbeat(
        topic=topic,
        state="ENDED" if ended else "ALIVE",
        covers_from=datetime.fromisoformat(format_ms(from_ms)),
        covers_until=datetime.fromisoformat(format_ms(until_ms)),
    )
    return event_of(data, id=stable_id(source, "heartbeat", topic, from_ms, until_ms), source=source, time_ms=until_ms)


def import_dump(
    paths: Iterable[Path], on_dead: OnDead = raise_dead, memory_bytes: int = MEMORY_BYTES
) -> Iterator[Event]:
    """The statements of one or more dumps in event-time order, with heartbeats of `live.enforcement`.

    Takes `.csv`, `.zip` of csv and `.zip` of zips of csv; full or light; schema v1 or v2. Dumps are not in time order:
    everything is read and sorted (on disk beyond `memory_bytes`) before the first event comes. A statement with several
    actions becomes several events with one `violation_id`.

    A day with at least one statement ends with a heartbeat. It covers the whole day where a file bears the official
    name (`sor-…-2024-03-14-full.zip`), else only first to last statement. A day without statements has none: silence is
    a gap.

    A row that cannot be read, or stands there twice, goes to `on_dead`, and the import goes on; the default raises
    InvalidEvent instead. Raises SetupError when a file is missing, damaged or no dump.
    """
    sources = list(paths)
    whole_days = {day for path in sources if (day := _day_of(path)) is not None}
    first = last = -1
    before: tuple[int, str] | None = None
    for time_ms, row in by_time(_timed(sources, on_dead), memory_bytes):
        key = (time_ms, row.fields["uuid"])
        if key == before:
            on_dead(_dead(row, "duplicate", f"statement {key[1]} is there more than once"))
            continue
        try:
            events = events_of(row.fields)
        except InvalidEvent as error:
            on_dead(_dead(row, error.reason, error.detail))
            continue
        before = key
        if first >= 0 and first // DAY_MS != time_ms // DAY_MS:
            yield _heartbeat(first, last, whole_days)
            first = -1
        first, last = (time_ms if first < 0 else first), time_ms
        yield from events
    if first >= 0:
        yield _heartbeat(first, last, whole_days, ended=True)


def events_of(fields: Mapping[str, str]) -> list[Event]:
    """The events of one statement, given its fields that are not empty. Raises InvalidEvent.

    >>> [event] = events_of({"uuid": "u", "platform_name": "TikTok", "created_at": "2024-03-14 00:00:07",
    ...                      "decision_visibility": '["DECISION_VISIBILITY_OTHER"]',
    ...                      "decision_visibility_other": "Your shop has been permanently closed."})
    >>> event.id, event.data.action_type
    ('u-1', 'SHOP_CLOSED_PERMANENT')
    """
    statement = _statement(fields)
    try:
        sor = StatementOfReasons.model_validate(statement)
        if sor.uuid is None or sor.platform_name is None or sor.created_at is None:
            raise InvalidEvent("contract", "uuid, platform_name or created_at is empty")
        ends = {statement[name] for name in _TIMES[:4] if name in statement}
        events = []
        for number, action in enumerate(actions_of(statement), start=1):
            data = EnforcementAction.model_validate(
                {
                    "action_id": f"{sor.uuid}-{number}",
                    "violation_id": sor.uuid,
                    "platform": sor.platform_name,
                    "market": sor.territorial_scope[0] if len(sor.territorial_scope) == 1 else None,
                    "action_type": action.action_type,
                    "restriction": action.restriction,
                    "points_delta": action.points,
                    "state": "ENFORCED",
                    "decided_at": sor.created_at,
                    "effective_at": sor.application_date,
                    "ends_at": ends.copy().pop() if len(ends) == 1 else None,
                    "reviewer_type": _REVIEWER.get(sor.automated_decision or ""),
                    "sor": sor,
                }
            )
            source = source_of(sor.platform_name)
            events.append(event_of(data, id=data.action_id, source=source, time_ms=to_ms(sor.created_at)))
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = ".".join(map(str, wrong["loc"]))
        raise InvalidEvent("contract", f"{where}: {wrong['msg']}, got {str(wrong['input'])[:80]!r}") from error
    return events


def _statement(fields: Mapping[str, str]) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _LEFT_OUT:
            continue
        if name in _LISTS:
            statement[name] = _list(name, value)
        elif name in _TIMES:
            statement[name] = _instant(name, value)
        else:
            statement[name] = value
    return statement


def _list(name: str, value: str) -> list[str]:
    if not value.startswith("["):
        return [value]
    try:
        found = json.loads(value)
    except ValueError as error:
        raise InvalidEvent("contract", f"{name}: {value[:80]!r} is no JSON list") from error
    return [str(item) for item in found]


def _instant(name: str, value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidEvent("contract", f"{name}: {value[:40]!r} is no YYYY-MM-DD HH:MM:SS") from error


def _timed(paths: Iterable[Path], on_dead: OnDead) -> Iterator[tuple[int, Row]]:
    for path in paths:
        for row in rows_of(path):
            if isinstance(row, DeadLine):
                on_dead(row)
                continue
            try:
                yield to_ms(_instant("created_at", row.fields.get("created_at", ""))), row
            except InvalidEvent as error:
                on_dead(_dead(row, error.reason, error.detail))


def _dead(row: Row, reason: str, detail: str) -> DeadLine:
    return DeadLine(row.file, row.line, reason, detail, json.dumps(row.fields, ensure_ascii=False).encode())


def _day_of(path: Path) -> int | None:
    found = _DUMP_NAME.match(path.name)
    try:
        return parse_ms(f"{found[1]}T00:00:00Z") // DAY_MS if found else None
    except ValueError:
        return None


def _heartbeat(first_ms: int, last_ms: int, whole_days: set[int], ended: bool = False) -> Event:
    day = first_ms // DAY_MS
    covers = (day * DAY_MS, (day + 1) * DAY_MS) if day in whole_days else (first_ms, last_ms + SECOND_MS)
    return heartbeat(SOURCE, EnforcementAction.topic, covers[0], covers[1], ended=ended)
