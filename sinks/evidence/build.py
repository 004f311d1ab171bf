"""Building an evidence package: from what ClickHouse holds on a case to one file."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livewarden import __version__
from livewarden.times import format_ms
from sinks.evidence import words
from sinks.evidence.files import Files
from sinks.evidence.gather import Gathered, Rows, Span, gather, learn
from sinks.evidence.manifest import CHECKLIST, MANIFEST, File, Manifest, Source
from sinks.evidence.package import Member, pack
from sinks.evidence.picture import picture
from sinks.evidence.redact import IDENTIFIERS, LISTS, Pseudonyms
from sinks.evidence.timeline import Entry, as_csv, change_in_words, timeline
from sinks.present import wording
from sinks.present.chart import Mark, Point, draw
from sinks.queries import evidence as view
from sinks.queries.counted import Monitors, SeriesPoints, series_points
from sinks.store.reader import Reader
from sinks.whole_file import check_free, whole_file

MOST_CHARTS = 24
_EVENT_ORDER = "ORDER BY alert_id, event_time, topic, partition, offset"
_SERIES_ORDER = "ORDER BY monitor, config_hash, toString(mapSort(series)), window_start"
_CHANGES = ("at", "change_id", "kind", "phase", "target", "from_version", "to_version", "owner_team", "scope")
_PLACES = ("event_id", "topic", "partition", "offset")


@dataclass(frozen=True)
class Built:
    """A package that was written: where, its digest, and its manifest."""

    path: Path
    size: int
    digest: str
    manifest: Manifest


async def build(
    reader: Reader,
    case_id: str,
    out: Path,
    *,
    now_ms: int,
    run: str = "live",
    monitors: Monitors | None = None,
    salt: bytes | None = None,
    force: bool = False,
) -> Built:
    """Write the evidence package of a case; the file is there whole or not at all.

    `salt` makes pseudonyms of ids (creators, shops, subjects, rooms) and must be thrown away; None leaves ids as they
    are. `monitors` in force serve where the configuration of an alert is not stored with its case and has not changed
    since. A case that is not there, or a file that is (without `force`), is a SetupError. Large tables go through
    temporary files. What takes long without ClickHouse is done in a thread, so that a console goes on answering.
    """
    check_free(out, force)
    found = await gather(reader, case_id, run, monitors or {})
    names = Pseudonyms(salt) if salt is not None else None
    if names is not None:
        await learn(reader, found, names)
    clickhouse = (await reader.select("SELECT version() AS version"))[0]["version"]
    with tempfile.TemporaryDirectory(prefix="livewarden-evidence-") as folder:
        files = Files(Path(folder), names)
        await _tables(reader, found, files)
        sources = await reader.select(view.sources(found.events_sql())) if found.selected else []
        await asyncio.to_thread(_texts, found, files, now_ms)
        manifest = Manifest.model_validate(
            {
                "case_id": case_id,
                "case_version": found.main["version"],
                "run": run,
                "created_at": format_ms(now_ms),
                "livewarden": __version__,
                "clickhouse": clickhouse,
                "monitors": {name: tuple(of["config_hashes"]) for name, of in found.configurations.items()},
                "sources": tuple(Source(**row) for row in sources),
                "redacted": _redacted(names),
                "limits": tuple(files.texts(found.limits)),
                "files": tuple(files.in_order()),
            }
        )
        return await asyncio.to_thread(_write, out, manifest, files, force)


def default_name(case_id: str) -> str:
    """The name of the file where none is given.

    >>> default_name("0b5dcf1e-3b1c-5c0e-a0f5-0123456789ab")
    '0b5dcf1e.evidence.zip'
    """
    return f"{short_name(case_id)}.evidence.zip"


def short_name(case_id: str) -> str:
    """The beginning of a case's id as it may stand in the name of a file, whatever an id holds.

    >>> short_name("../../etc/passwd"), short_name("é/")
    ('etcpassw', 'case')
    """
    return re.sub(r"[^A-Za-z0-9_-]", "", case_id)[:8] or "case"


async def _tables(reader: Reader, found: Gathered, files: Files) -> None:
    if found.selected:
        what = (
            "The events that the alerts counted, in the order of their time; one that two alerts counted is there twice"
        )
        hidden = {"key": "id", "data": "data"}
        await files.table(reader, "events", found.events_sql(), what, hidden, _EVENT_ORDER, sum(found.takes))
    else:
        found.limits.append("There are no events in it.")
    if found.spans:
        sql = view.together([_series_sql(found, span) for span in found.spans])
        (counted,) = await reader.select(f"SELECT count() AS rows FROM (\n{sql}\n)")
        what = "The buckets of the series around the alerts: what was observed, what was expected, how unusual that was"
        await files.table(reader, "series", sql, what, {"series": "series"}, _SERIES_ORDER, counted["rows"])
    else:
        found.limits.append("There is no series in it: no bucket was judged.")
    if len(found.spans) > MOST_CHARTS:
        found.limits.append(f"Charts are in it of the {MOST_CHARTS} worst of {len(found.spans):,} series.")
    kept = series_points(found.evidence)
    for number, span in enumerate(found.spans[:MOST_CHARTS], start=1):
        rows = await reader.select(_series_sql(found, span))
        points = [Point(row["window_start"], row["observed"], row["expected"], row["score"]) for row in rows]
        if not points:
            points = [Point(*each) for series in kept if _same(series, span) for each in series.points]
        _chart(found, span, points, number, files)


def _chart(found: Gathered, span: Span, points: Sequence[Point], number: int, files: Files) -> None:
    end = min(span.to_ms, max((point.start for point in points), default=span.to_ms) + span.bucket_ms)
    window = (min(map(wording.scanned_from, span.alerts)), max(each.window_end for each in span.alerts))
    chart = draw(
        points,
        span.bucket_ms,
        from_ms=span.from_ms,
        to_ms=end,
        window=window,
        marks=[Mark(row["at"], row["kind"]) for row in found.changes.rows],
        bars=span.alerts[0].kind.startswith("ENFORCEMENT"),
    )
    if chart is None:
        found.limits.append(
            f"There is no chart of {span.monitor}, {wording.place(span.series)}: no bucket of it is stored."
        )
        return
    marked = [row for row in found.changes.rows if span.from_ms <= row["at"] < end]
    near = [f"{wording.exactly(row['at'])}  {change_in_words(row)}" for row in marked]
    title = f"{_title(found, span.monitor)} · {wording.place(_hidden(files, span.series))}"
    notes = [
        f"{wording.exactly(span.from_ms)} to {wording.exactly(end)}, UTC. Alerts: {len(span.alerts)}.",
        *near,
    ]
    name = f"charts/{number:02}-{re.sub(r'[^A-Za-z0-9_-]', '', span.monitor)[:60]}.svg"
    files.add(
        name, picture(chart, title, files.texts(notes[:12])), "Observed against expected of one series, as a picture."
    )


def _texts(found: Gathered, files: Files, now_ms: int) -> None:
    names = files.names
    candidate, case, alerts = (each.redacted(names) for each in (found.candidate, found.case, found.alerts))
    responses = {name: rows.redacted(names) for name, rows in found.responses().items()}
    changes = found.changes.redacted(names)
    both = {"candidate": _only(candidate), "case": _only(case), "history": responses["history"].written()}
    sqls = "\n;\n".join(rows.sql for rows in (candidate, case, responses["history"]))
    files.json("case.json", both, "The case: as detection found it, as people work on it, and its history.", sql=sqls)
    takes = dict(zip((alert_id for alert_id, _ in found.selected), found.takes, strict=True))
    listed = [
        row | {"counted": _counted(found.counted.get(row["alert_id"]), takes.get(row["alert_id"], 0))}
        for row in alerts.written()
    ]
    what = "The alerts of the case in their newest versions, with their explanations and how many events each counted."
    files.json("alerts.json", listed, what, rows=len(listed), sql=alerts.sql)
    rest = {name: rows for name, rows in responses.items() if name != "history"}
    what = (
        "Incidents, who was notified, what became of each alert, what it was worth, "
        "and everything that anybody asked for."
    )
    sqls = "\n;\n".join(rows.sql for rows in rest.values())
    files.json("response.json", {name: rows.written() for name, rows in rest.items()}, what, sql=sqls)
    hidden = found.configurations if names is None else names.plain(found.configurations)
    files.json(
        "monitors.json", hidden, "The configuration of each monitor when it raised the alerts.", rows=len(hidden)
    )
    columns = (*_CHANGES, *_PLACES)
    cells = [[row[name] for name in columns] for row in changes.written()]
    what = "Changes of the platform, from two hours (or three buckets) before the first alert to an hour after the end."
    files.add("changes.csv", as_csv(columns, cells), what, rows=len(cells), sql=changes.sql)
    notified = {name: rows.written() for name, rows in responses.items()}
    entries = timeline(
        alerts=alerts.written(),
        changes=changes.written(),
        history=notified["history"],
        incidents=notified["incidents"],
        notifications=notified["notifications"],
    )
    what = "Changes, alerts, their ends, notifications and what people did, in one order."
    files.add("timeline.csv", as_csv(Entry._fields, entries), what, rows=len(entries))
    titles = {name: _title(found, name) for name in found.configurations}
    files.add(
        "explanation.md",
        words.explained(alerts.rows, titles),
        "Each alert in a sentence, and what is known of its cause.",
    )
    listing = files.in_order()
    files.add("queries.sql", words.queries(listing, names is not None), "The queries whose results these files are.")
    what = "What this is, and how to check it."
    listing = [*files.in_order(), File(path="README.txt", size=0, sha256="0" * 64, what=what)]
    text = words.readme(
        case=case.rows[0] if case.rows else candidate.rows[0],
        created_at=format_ms(now_ms),
        version=__version__,
        files=sorted(listing, key=lambda file: (file.path != "README.txt", file.path)),
        redacted=_redacted(names),
        limits=files.texts(found.limits),
    )
    files.add("README.txt", text, what)


def _write(out: Path, manifest: Manifest, files: Files, force: bool) -> Built:
    members = [
        Member.of_bytes(MANIFEST, manifest.to_bytes()),
        Member.of_bytes(CHECKLIST, manifest.checklist()),
        *(Member.of_path(file.path, files.place(file.path)) for file in manifest.files),
    ]
    with whole_file(out, force=force) as unfinished:
        with unfinished.open("xb") as target:
            pack(members, target)
        size = unfinished.stat().st_size
    return Built(out, size, manifest.digest(), manifest)


def _redacted(names: Pseudonyms | None) -> tuple[str, ...]:
    if names is None:
        return ()
    fields = f"{', '.join(IDENTIFIERS)}, and the entries of {' and '.join(LISTS)}"
    return (
        f"{fields}: each id is replaced by a pseudonym (HMAC-SHA-256 under a random salt that nobody kept), "
        "the same one all"
        " through this package and another one in any other.",
        "key (the Kafka key of an event): replaced in the same way, whatever it holds.",
        "Sentences (titles, explanations, notes): such ids of four characters and more are replaced where they stand "
        "as a"
        " word. What people wrote besides, and the names of those who worked on the case, stand as they are.",
        "Queries: ids stand in them as pseudonyms too.",
    )


def _only(rows: Rows) -> Any:
    written = rows.written()
    return written[0] if written else None


def _counted(counted: Mapping[str, Any] | None, taken: int) -> dict[str, int] | None:
    if counted is None:
        return None
    return {"events": counted["events"], "happenings": counted["happenings"], "in_this_package": taken}


def _series_sql(found: Gathered, span: Span) -> str:
    return view.series(found.run, span.monitor, span.config_hash, dict(span.series), span.from_ms, span.to_ms)


def _same(series: SeriesPoints, span: Span) -> bool:
    return series.monitor == span.monitor and series.series == span.series


def _hidden(files: Files, series: Mapping[str, str]) -> dict[str, str]:
    return dict(series) if files.names is None else files.names.plain(series)


def _title(found: Gathered, monitor: str) -> str:
    return str(found.configurations.get(monitor, {}).get("configuration", {}).get("title") or monitor)
