"""What ClickHouse holds on a case, read once: the rows that the files of a package are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livewarden.errors import SetupError
from livewarden.severity import WORST_FIRST
from livewarden.times import HOUR_MS, format_ms
from sinks.evidence.redact import IDENTIFIERS, LISTS, Pseudonyms
from sinks.present import wording
from sinks.queries import evidence as view
from sinks.queries import health
from sinks.queries.counted import Monitors, configuration, evidence_of, of_changes, selection
from sinks.queries.events import Selection
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord
from sinks.store.tables import TABLES

MOST_ALERTS, MOST_ROWS = 5_000, 10_000
"""Alerts, and rows of every other table, that a package takes."""
MOST_SELECTED, MOST_EVENTS, MOST_EVENTS_IN_ALL = 30, 100_000, 500_000
"""Alerts whose events are taken, events of one alert, and events altogether."""
MOST_SERIES, MOST_BUCKETS = 100, 1_000
"""Series, and buckets of each."""
MOST_CHANGES = 1_000
MOST_IDS = 200_000
_JSON = ("explanation", "evidence", "tasks", "links", "details", "data")

Row = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """Rows of a query (instants in ms, JSON texts as values), and the query."""

    table: str
    sql: str
    rows: list[Row]

    def redacted(self, names: Pseudonyms | None) -> Rows:
        """The same without ids."""
        return self if names is None else Rows(self.table, names.sql(self.sql), names.plain(self.rows))

    def written(self) -> list[Row]:
        """The rows with their instants as RFC 3339 texts, UTC."""
        columns = TABLES[self.table].columns if self.table in TABLES else {}
        times = {"at", *(name for name, kind in columns.items() if "DateTime64" in kind)}
        return [
            {n: format_ms(v) if n in times and isinstance(v, int) else v for n, v in row.items()} for row in self.rows
        ]


@dataclass(frozen=True)
class Span:
    """One series of the case, and the stretch of it that is taken: `[from_ms, to_ms)`."""

    monitor: str
    config_hash: str
    series: Mapping[str, str]
    from_ms: int
    to_ms: int
    bucket_ms: int
    alerts: list[AlertRecord]


@dataclass
class Gathered:
    """All of it. `selected` are the alerts whose events can be named, worst first, with how many of them are taken."""

    case_id: str
    run: str
    candidate: Rows
    case: Rows
    alerts: Rows
    history: Rows
    incidents: Rows
    notifications: Rows
    dispositions: Rows
    feedback: Rows
    actions: Rows
    changes: Rows
    spans: list[Span]
    selected: list[tuple[str, Selection]]
    takes: list[int]
    counted: dict[str, Row]
    configurations: dict[str, Any]
    limits: list[str] = field(default_factory=list)

    @property
    def evidence(self) -> dict[str, Any]:
        """The evidence of the candidate; empty where there is none."""
        found = self.candidate.rows[0]["evidence"] if self.candidate.rows else None
        return found if isinstance(found, dict) else {}

    @property
    def main(self) -> Row:
        """The case as people work on it, else the candidate."""
        return (self.case.rows or self.candidate.rows)[0]

    def responses(self) -> dict[str, Rows]:
        """What people and notifications did."""
        names = ("history", "incidents", "notifications", "dispositions", "feedback", "actions")
        return {name: getattr(self, name) for name in names}

    def events_sql(self) -> str:
        """The query of the events that are taken; empty where there are none."""
        return view.events(self.selected, self.takes) if self.selected else ""


async def gather(reader: Reader, case_id: str, run: str, monitors: Monitors) -> Gathered:
    """Read it; a case that is not there is a SetupError."""
    limits: list[str] = []
    case_id, run = (text.encode("utf-8", "replace").decode() for text in (case_id, run))  # as ClickHouse has it

    async def read(table: str, sql: str, most: int = MOST_ROWS, *, only_live: bool = False) -> Rows:
        if only_live and run != "live":
            return Rows(table, sql, [])  # nobody answers a replay
        rows = [_parsed(row) for row in await reader.select(sql)]
        if len(rows) >= most:
            limits.append(f"Of the table {table}, the first {most:,} rows are in it.")
        return Rows(table, sql, rows)

    candidate = await read("case_candidates", view.candidate(case_id, run))
    case = await read("cases", view.case(case_id), only_live=True)
    if not candidate.rows and not case.rows:
        raise SetupError(f"there is no case {case_id!r} in the run {run!r}: `livewarden sql` shows those of cases_now")
    alerts = await read("alerts", view.alerts(case_id, run, MOST_ALERTS), MOST_ALERTS)
    known = [alert_of(row) for row in alerts.rows]
    topics = await health.topics(reader)
    evidence = candidate.rows[0]["evidence"] if candidate.rows else {}
    configurations = _configurations(known, evidence, monitors)
    selected = _selected(known, configurations, topics, limits)
    counted = {row["alert_id"]: row for row in await reader.select(view.counted(selected))} if selected else {}
    start, end = _extent((case.rows or candidate.rows)[0], known)
    changes = view.changes(start, end, of_changes(topics), MOST_CHANGES)
    of = {"case_id": case_id, "run": run}
    return Gathered(
        candidate=candidate,
        case=case,
        alerts=alerts,
        history=await read("case_history", view.history(case_id), only_live=True),
        incidents=await read("incidents", view.incidents(case_id, MOST_ROWS), only_live=True),
        notifications=await read("notifications", view.notifications(case_id, MOST_ROWS), only_live=True),
        dispositions=await read("dispositions", view.of_alerts("dispositions", limit=MOST_ROWS, **of), only_live=True),
        feedback=await read("feedback", view.of_alerts("feedback", limit=MOST_ROWS, **of), only_live=True),
        actions=await read("actions", view.actions(limit=MOST_ROWS, **of), only_live=True),
        changes=await read("changes", changes, MOST_CHANGES),
        spans=_spans(known, limits),
        selected=selected,
        takes=_takes(selected, counted, limits),
        counted=counted,
        configurations=configurations,
        limits=limits,
        **of,
    )


async def learn(reader: Reader, found: Gathered, names: Pseudonyms) -> None:
    """Tell `names` every id that occurs, so that sentences which name one can be redacted too."""
    every = (found.candidate, found.case, found.alerts, *found.responses().values())
    for each in every:
        names.learn(each.rows)
    names.learn(found.configurations)
    if not found.selected:
        return
    ids = await reader.select(view.identifiers(found.events_sql(), IDENTIFIERS, LISTS, MOST_IDS))
    names.add(str(row["id"]) for row in ids)
    if len(ids) >= MOST_IDS:
        found.limits.append(f"Sentences were searched for the first {MOST_IDS:,} ids only.")


def _parsed(row: Mapping[str, Any]) -> Row:
    return {name: _value(value) if name in _JSON and isinstance(value, str) else value for name, value in row.items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text) if text else text
    except (ValueError, RecursionError):
        return text


def alert_of(row: Mapping[str, Any]) -> AlertRecord:
    """A row of the table as an alert."""
    return AlertRecord(**{name: row[name] for name in AlertRecord.model_fields})


def _configurations(alerts: list[AlertRecord], evidence: Any, monitors: Monitors) -> dict[str, Any]:
    kept = evidence_of(json.dumps(evidence))
    found: dict[str, Any] = {}
    for alert in alerts:
        of = found.setdefault(alert.monitor, {"config_hashes": [], "configuration": {}})
        if alert.config_hash not in of["config_hashes"]:
            of["config_hashes"].append(alert.config_hash)
        of["configuration"] = of["configuration"] or dict(configuration(alert, kept, monitors))
    return found


def _selected(
    alerts: list[AlertRecord], configurations: dict[str, Any], topics: list[str], limits: list[str]
) -> list[tuple[str, Selection]]:
    known = [
        (row.alert_id, found)
        for row in _worst_first(alerts)
        if (found := selection(row, configurations[row.monitor]["configuration"], topics)) is not None
    ]
    if len(known) < len(alerts):
        without = len(alerts) - len(known)
        limits.append(f"Of {without:,} alerts no events are in it: the configuration of their monitors is not stored.")
    if len(known) > MOST_SELECTED:
        limits.append(f"Events are in it of the {MOST_SELECTED} worst of {len(known):,} alerts.")
    return known[:MOST_SELECTED]


def _takes(selected: list[tuple[str, Selection]], counted: Mapping[str, Row], limits: list[str]) -> list[int]:
    wanted = [int(counted.get(alert_id, {}).get("events", 0)) for alert_id, _ in selected]
    most = fair(wanted, MOST_EVENTS, MOST_EVENTS_IN_ALL)
    for (alert_id, _), events in zip(selected, wanted, strict=True):
        if events > most:
            limits.append(f"Of the {events:,} events of alert {alert_id}, the first {most:,} are in it.")
    return [min(events, most) for events in wanted]


def fair(wanted: list[int], each: int, altogether: int) -> int:
    """The largest share, `each` at most, at which taking no more than it of every one comes to no more than
    `altogether`.

    >>> fair([10, 50, 90], each=80, altogether=100), fair([1, 2], each=80, altogether=100), fair([5] * 10, 5, 20)
    (45, 80, 2)
    """
    low, high = 0, each
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(one, middle) for one in wanted) <= altogether else (low, middle - 1)
    return low


def _spans(alerts: list[AlertRecord], limits: list[str]) -> list[Span]:
    groups: dict[tuple[str, str, str], list[AlertRecord]] = {}
    for alert in _worst_first(alerts):
        if alert.direction == "MISSING":
            continue  # of what does not come there is no bucket
        key = (alert.monitor, alert.config_hash, json.dumps(alert.series, sort_keys=True))
        groups.setdefault(key, []).append(alert)
    if len(groups) > MOST_SERIES:
        limits.append(f"The {MOST_SERIES} worst of {len(groups):,} series are in it.")
    return [_span(of, limits) for of in list(groups.values())[:MOST_SERIES]]


def _span(alerts: list[AlertRecord], limits: list[str]) -> Span:
    first = alerts[0]
    bucket = max(1, min(map(wording.bucket_ms, alerts)))
    start = min(map(wording.scanned_from, alerts)) - 60 * bucket
    end = max(each.ends_at or each.window_end + 50 * bucket for each in alerts) + 10 * bucket
    if (end - start) // bucket > MOST_BUCKETS:
        end = start + MOST_BUCKETS * bucket
        limits.append(
            f"Of the series of {first.monitor}, {wording.place(first.series)}, "
            f"the first {MOST_BUCKETS:,} buckets are in it."
        )
    return Span(first.monitor, first.config_hash, first.series, start, end, bucket, alerts)


def _extent(case: Row, alerts: list[AlertRecord]) -> tuple[int, int]:
    start = min([case["started_at"], *map(wording.scanned_from, alerts)])
    longest = max(map(wording.bucket_ms, alerts), default=0)
    end = max([case["ended_at"] or case["started_at"], *(each.ends_at or each.window_end for each in alerts)])
    return start - max(2 * HOUR_MS, 3 * longest), end + HOUR_MS


def _worst_first(alerts: list[AlertRecord]) -> list[AlertRecord]:
    return sorted(alerts, key=lambda row: (_rank(row.severity), row.window_start, row.alert_id))


def _rank(severity: str) -> int:
    return WORST_FIRST.index(severity) if severity in WORST_FIRST else len(WORST_FIRST)
