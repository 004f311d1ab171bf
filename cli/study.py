"""The facts of a study, from a run and its recording, or from what is live in ClickHouse."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from cli.known import monitors_of
from cli.replay_source import opened
from cli.run_folder import RunFolder, load
from livewarden.contracts import PlatformChange
from livewarden.errors import SetupError
from livewarden.event import Event
from livewarden.matcher import Matcher, matches
from livewarden.settings import Settings
from livewarden.severity import SEVERITIES
from livewarden.summed_slice import SummedSlice
from livewarden.times import DAY_MS, HOUR_MS, format_ms, parse_ms
from models.aggregate.slice_sums import SliceSums
from models.monitors.monitor import Monitor
from sinks.present.chart import Point
from sinks.present.wording import drawn_bucket_ms, scanned_from
from sinks.queries import alerts, health
from sinks.queries.alerts import AlertFilter
from sinks.queries.changes import ChangeRecord
from sinks.queries.counted import configuration, series_points
from sinks.report.study import Studied, query_of
from sinks.store.reader import Reader
from sinks.store.records import AlertRecord, ExplainedAlert
from sources.archive import event_of_row

BEFORE_BUCKETS = {DAY_MS: 42}
OTHER_BEFORE_BUCKETS = 60
AFTER_BUCKETS = 10
MOST_ALERTS = 5_000
A = TypeVar("A", bound=AlertRecord)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which alert: by the beginning of its id, or the gravest of a time that meets all conditions."""

    alert: str | None
    first_ms: int | None
    last_ms: int | None
    where: Sequence[Matcher]

    def among(self, found: Iterable[A]) -> A:
        """That alert; SetupError where there is none, or where an id's beginning is that of several."""
        known = list(found)
        if self.alert is not None:
            hits = [each for each in known if each.alert_id.startswith(self.alert)]
            if len(hits) != 1:
                raise SetupError(f"--alert {self.alert}: {'no alert' if not hits else f'{len(hits)} alerts'} begin so")
            return hits[0]
        first = -(2**62) if self.first_ms is None else self.first_ms
        last = 2**62 if self.last_ms is None else self.last_ms
        inside = [e for e in known if first <= e.window_start < last and matches(self.where, _labels(e))]
        if not inside:
            raise SetupError("no alert of that time meets the conditions of --from, --to and --where")
        return max(inside, key=lambda e: (e.suppressed_by is None, _rank(e), e.score or 0.0, -e.window_start))


def of_run(folder: Path, asked: Asked, settings: Settings) -> Studied:
    """The facts of an alert of a run, whose recordings are read again; SetupError where these are gone."""
    run = load(folder)
    if not run.monitors or "source" not in run.summary:
        raise SetupError(f"{folder}/ does not say what it was made of: replay again")
    known = [_record(each) for each in run.alerts]
    alert = asked.among(known)
    source = [Path(name) for name in run.summary["source"]]
    monitor = monitors_of(run.monitors)[alert.monitor]
    sums, changes = _looking(alert, monitor)
    with opened(source, settings, None) as read:
        for event in read.events():
            _heed(event, sums, changes)
        digests = [(path.name, _digest(path)) for path in read.paths]
        until = read.latest_ms
    rerun = " ".join(["livewarden replay", *map(str, source), *_flags(run.summary), "--out AGAIN"])
    again = f"livewarden report study --run AGAIN --alert {alert.alert_id}"
    origin = f"the run {run.summary.get('run', folder.name)} in {folder.name}/, of {', '.join(map(str, source))}"
    digests += [(f"{folder.name}/{name}", _digest(folder / name)) for name in ("alerts.jsonl", "monitors.json")]
    others = [each for each in known if each.suppressed_by is None]
    return _studied(
        alert,
        monitor,
        _points(run, alert),
        sums,
        changes,
        others,
        _Origin(origin, until, [rerun, again], digests),
    )


async def of_live(reader: Reader, asked: Asked, monitors: Mapping[str, Mapping[str, Any]]) -> Studied:
    """The facts of a live alert; SetupError where its configuration is another by now, and so what it counted."""
    alert = await _live_alert(reader, asked)
    configured = configuration(alert, {}, monitors)
    if not configured:
        more = "its monitor is configured otherwise by now: replay that time, and study the run (--run)"
        raise SetupError(f"alert {alert.alert_id[:8]}: {more}")
    monitor = monitors_of({alert.monitor: configured})[alert.monitor]
    sums, changes = _looking(alert, monitor)
    topics = sorted({monitor.topic, PlatformChange.topic})
    async for event in _stored(reader, sums.from_ms, sums.to_ms, topics):
        _heed(event, sums, changes)
    rows = await alerts.judgements(reader, alert.alert_id, sums.from_ms, sums.to_ms)
    points = [Point(row.window_start, row.observed, row.expected, row.score) for row in rows]
    near = AlertFilter(from_ms=sums.from_ms - 365 * DAY_MS, to_ms=sums.to_ms + 365 * DAY_MS)
    others = await alerts.find(reader, near, limit=MOST_ALERTS)
    span = f"--to {format_ms(sums.to_ms)}"
    again = [f"livewarden replay clickhouse {span} --out AGAIN", f"livewarden report study --alert {alert.alert_id}"]
    until = await health.judged_until(reader)
    return _studied(
        alert, monitor, points, sums, changes, others, _Origin("what is stored in ClickHouse", until, again)
    )


@dataclass(frozen=True, slots=True)
class _Origin:
    words: str
    until_ms: int | None
    reproduce: Sequence[str]
    digests: Sequence[tuple[str, str]] = ()


def _studied(
    alert: ExplainedAlert,
    monitor: Monitor,
    points: Sequence[Point],
    sums: SliceSums,
    changes: Sequence[ChangeRecord],
    known: Sequence[AlertRecord],
    origin: _Origin,
) -> Studied:
    described = monitor.model_dump(mode="json") | {"config_hash": monitor.config_hash}
    size = drawn_bucket_ms(alert)
    ends = alert.ends_at or alert.window_end
    rest = [each for each in known if each.alert_id != alert.alert_id]
    others = [e for e in rest if e.window_start < ends and (e.ends_at or e.window_end) > scanned_from(alert)]
    alike = [e for e in rest if (e.monitor, e.kind, e.direction) == (alert.monitor, alert.kind, alert.direction)]
    query = query_of(alert, described)
    reproduce = [*origin.reproduce, *([query] if query else []), f"livewarden {metadata.version('livewarden')}"]
    found = sums.slices()
    return Studied(
        alert=alert,
        monitor=described,
        points=points or _of_sums(found, alert),
        slices=found,
        changes=sorted(changes, key=lambda each: (each.at, each.change_id)),
        changes_from_ms=sums.window[0] - max(2 * HOUR_MS, 3 * size),
        changes_to_ms=sums.window[1],
        others=others,
        similar=sorted(alike, key=lambda each: abs(each.window_start - alert.window_start)),
        hit={name: (len(counts), counts.most_common(3)) for name, counts in sums.who.items()},
        events_from_ms=sums.earliest_ms,
        judged_until_ms=origin.until_ms,
        origin=origin.words,
        reproduce=reproduce,
        digests=origin.digests,
    )


def _looking(alert: ExplainedAlert, monitor: Monitor) -> tuple[SliceSums, list[ChangeRecord]]:
    size, began = monitor.bucket, scanned_from(alert)
    before = BEFORE_BUCKETS.get(size, OTHER_BEFORE_BUCKETS) * size
    window = began, alert.window_end
    return SliceSums(monitor, alert.series, began - before, alert.window_end + AFTER_BUCKETS * size, window), []


def _heed(event: Event, sums: SliceSums, changes: list[ChangeRecord]) -> None:
    sums.add(event)
    if isinstance(event.data, PlatformChange):
        around = max(2 * HOUR_MS, 3 * sums.monitor.bucket)
        if sums.window[0] - around <= event.time_ms < sums.window[1]:
            changes.append(_change(event, event.data))


def _change(event: Event, data: PlatformChange) -> ChangeRecord:
    scope = data.scope
    texts = {
        name: getattr(data, name) or "" for name in ("phase", "target", "from_version", "to_version", "owner_team")
    }
    return ChangeRecord(
        change_id=data.change_id,
        kind=data.kind,
        markets=list(scope.markets or ()) if scope else [],
        action_types=list(map(str, scope.action_types or ())) if scope else [],
        percent=scope.percent if scope else None,
        at=event.time_ms,
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        **texts,
    )


def _points(run: RunFolder, alert: ExplainedAlert) -> list[Point]:
    for case in run.cases:
        if case["case_id"] == alert.case_id:
            for each in series_points(case.get("evidence") or {}):
                if (each.monitor, dict(each.series)) == (alert.monitor, dict(alert.series)):
                    return [Point(*point) for point in each.points]
    return []


def _of_sums(slices: Sequence[SummedSlice], alert: ExplainedAlert) -> list[Point]:
    """The series itself, where nobody kept its judgements: what was counted, without what was expected."""
    own = next((e for e in slices if not e.inside and alert.series.get(e.dimension) == e.value), None)
    return [] if own is None else [Point(start, value, None) for start, value in own.points]


async def _live_alert(reader: Reader, asked: Asked) -> ExplainedAlert:
    from cli.act import whole

    if asked.alert is not None:
        found = await alerts.get(reader, await whole(reader, "alert", asked.alert))
    else:
        wanted = AlertFilter(from_ms=asked.first_ms, to_ms=asked.last_ms, suppressed="yes")
        rows = await alerts.find(reader, wanted, limit=MOST_ALERTS)
        found = await alerts.get(reader, asked.among(rows).alert_id)
    if found is None:
        raise SetupError(f"there is no alert {asked.alert!r}")
    return found


async def _stored(reader: Reader, from_ms: int, to_ms: int, topics: Sequence[str]) -> AsyncIterator[Event]:
    async for row in reader.events(from_ms, to_ms, topics=topics):
        yield event_of_row(row)


def _record(fields: Mapping[str, Any]) -> ExplainedAlert:
    times = {name: fields[name] and parse_ms(fields[name]) for name in ("window_start", "window_end", "ends_at")}
    explanation = fields.get("explanation")
    return ExplainedAlert(
        **{**fields, **times, "stored_at": 0, "explanation": None if explanation is None else json.dumps(explanation)}
    )


def _labels(alert: AlertRecord) -> dict[str, str]:
    named = {name: getattr(alert, name) for name in ("monitor", "kind", "severity", "direction")}
    return {**alert.series, **named}


def _rank(alert: AlertRecord) -> int:
    return SEVERITIES.index(alert.severity) if alert.severity in SEVERITIES else -1


def _flags(summary: Mapping[str, Any]) -> Iterator[str]:
    for flag, name in (("--from", "from"), ("--to", "to")):
        if summary.get(name):
            yield f"{flag} {summary[name]}"
    for each in summary.get("set", ()):
        yield f"--set '{each}'"
    if summary.get("monitors"):
        yield f"--monitors {summary['monitors']}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
