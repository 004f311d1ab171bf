"""The study of an alert: what, when, how big, who, in which slices, what changed, what was ruled out, what is not
known, what it is like, and how to get to the same again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from livewarden.summed_slice import SummedSlice
from livewarden.times import MINUTE_MS
from livewarden.wording import visible
from sinks.present import wording
from sinks.present.chart import Point
from sinks.present.explanation import Explained
from sinks.present.multiples import Panel, multiples
from sinks.queries.changes import ChangeRecord
from sinks.queries.counted import selection
from sinks.report import facts
from sinks.report.facts import moment
from sinks.report.page import Chart, Report, Section, Table, known
from sinks.store.records import AlertRecord, ExplainedAlert

SIMILAR: Final = 10
RULED_OUT: Final = 12


@dataclass(frozen=True, slots=True)
class Studied:
    """All facts of a study. `points` are the judged buckets of the alert's series; `others` are the alerts of the same
    time, `similar` those of the same monitor and kind at other times; `hit` is by field: how many, and the most.
    """

    alert: ExplainedAlert
    monitor: Mapping[str, Any]
    points: Sequence[Point]
    slices: Sequence[SummedSlice]
    changes: Sequence[ChangeRecord]
    changes_from_ms: int
    changes_to_ms: int
    others: Sequence[AlertRecord]
    similar: Sequence[AlertRecord]
    hit: Mapping[str, tuple[int, Sequence[tuple[str, int]]]]
    events_from_ms: int
    judged_until_ms: int | None
    origin: str
    reproduce: Sequence[str]
    digests: Sequence[tuple[str, str]] = field(default_factory=tuple)


def study(it: Studied) -> Report:
    """The report; every sentence comes from a fact, and what has none is said to be unknown."""
    alert, account = it.alert, facts.explained(it.alert)
    title = str(it.monitor.get("title") or alert.monitor)
    size, began = wording.drawn_bucket_ms(alert), wording.scanned_from(alert)
    window = (began, alert.window_end)
    drawn = facts.chart(
        f"{known(title)} · {known(wording.place(alert.series))}",
        it.points,
        size,
        window,
        it.changes,
        alert.kind.startswith("ENFORCEMENT"),
    )
    onset = facts.onset(alert) or began
    return Report(
        "Case study",
        f"{known(title)} · {known(wording.place(alert.series))}: {wording.size(alert)}",
        f"From {it.origin}. Events are judged until {moment(it.judged_until_ms)}.",
        [
            Section(
                "What, when, how big",
                [*facts.deviation(alert, title, it.judged_until_ms), *_rule(alert, it.monitor)],
                charts=[drawn] if drawn else [],
            ),
            Section(
                "Who was hit", table=_hit(it), nothing="The events name no market, shop, creator, room or subject."
            ),
            _multiples(it, True, "Slices of it", window, size),
            _multiples(it, False, "Beside it", window, size),
            facts.changed(it.changes, onset, None, it.changes_from_ms, it.changes_to_ms),
            facts.verdict(account),
            Section("What was ruled out", lines=_ruled_out(it, account), nothing="Nothing."),
            Section("What is not known", lines=_unknown(it, account), nothing="Nothing that the monitor asks for."),
            Section(
                "Other alerts of that time",
                table=_others(it.others),
                nothing="None overlaps it.",
            ),
            Section("Similar alerts", table=_similar(it, alert), nothing="None of the same monitor and kind."),
            Section("How to get to the same", lines=[visible(line) for line in it.reproduce], table=_digests(it)),
        ],
    )


def _rule(alert: ExplainedAlert, monitor: Mapping[str, Any]) -> list[tuple[str, str]]:
    score = "unknown" if alert.score is None else f"{alert.score:g}"
    keys = ("event", "measure", "detector", "budget_per_day", "min_volume", "min_effect")
    rule = ", ".join(f"{key} {monitor[key]}" for key in keys if monitor.get(key) not in (None, ""))
    return [
        ("score", f"{score} (−log₁₀ of how likely chance alone is)"),
        ("monitor", f"{known(alert.monitor)}: {known(rule)}"),
        ("configuration", known(alert.config_hash)),
        ("alert", known(alert.alert_id)),
        ("kept back", "no" if alert.suppressed_by is None else known(alert.suppressed_by)),
    ]


def _hit(it: Studied) -> Table:
    rows = []
    for name, (count, most) in it.hit.items():
        if count:
            largest = ", ".join(f"{known(value)}: {number:,}" for value, number in most)
            rows.append([name, f"{count:,}", largest])
    return Table(("field", "different ones", "the most"), rows)


def _multiples(it: Studied, inside: bool, title: str, window: tuple[int, int], size: int) -> Section:
    charts, lines = [], []
    for dimension in dict.fromkeys(each.dimension for each in it.slices if each.inside == inside):
        found = [each for each in it.slices if each.inside == inside and each.dimension == dimension]
        if not any(each.value for each in found):
            continue
        panels = [
            Panel(
                known(each.value),
                f"{wording.number(each.now)}, usual {wording.number(each.median * each.buckets)}",
                each.points,
                each.median,
                each.stands_out,
            )
            for each in found
        ]
        words = "; ".join(f"{panel.name} {panel.note}" for panel in panels)
        name = f"by {dimension}"
        charts.append(Chart(name, words, multiples(panels, name, size, window)))
    if charts:
        lines.append(
            "Each on a scale of its own. Shaded: the window of the alert. Dashed: the median of the buckets before. "
            "Red: outside of all that was before."
        )
    nothing = "The monitor searches no dimension for a cause." if inside else "There is no other series beside it."
    return Section(title, lines=lines, charts=charts, nothing=nothing)


def _ruled_out(it: Studied, account: Explained | None) -> list[str]:
    lines = [f"Against the verdict: {known(each)}." for each in account.against] if account else []
    for each in it.slices:
        if not each.stands_out and len(lines) < RULED_OUT:
            span = f"{wording.number(each.least)} and {wording.number(each.most)}"
            lines.append(
                f"{each.dimension} {known(each.value)} is no part of it: {wording.number(each.now)}, "
                f"where a bucket had between {span} before."
            )
    if account is not None and account.none:
        lines.append("No slice of the dimensions that were searched stands out.")
    return lines


def _unknown(it: Studied, account: Explained | None) -> list[str]:
    lines = []
    if account is None or not account.verdict or account.verdict == "insufficient evidence":
        lines.append("The cause: the evidence does not suffice for a verdict.")
    if not it.changes:
        between = f"from {moment(it.changes_from_ms)} to {moment(it.changes_to_ms)}"
        lines.append(f"Whether the platform changed something: no change is in the ledger {between}.")
    if it.alert.subjects is None:
        lines.append("How many were concerned: the monitor counts no subjects.")
    if not it.monitor.get("explain_by"):
        lines.append("Which part of the series carries it: the monitor has no explain_by.")
    if it.monitor.get("exposure") is None and it.alert.kind.startswith("ENFORCEMENT"):
        lines.append("Whether there was more to act on: the counts are held against no exposure.")
    empty = sorted({each.dimension for each in it.slices} - {each.dimension for each in it.slices if each.value})
    lines += [f"The {name}: no event says it." for name in empty]
    if it.alert.status == "firing":
        lines.append(f"Its end: it goes on at {moment(it.judged_until_ms)}.")
    return lines


def _others(found: Sequence[AlertRecord]) -> Table:
    rows = [
        [
            moment(e.window_start),
            e.severity,
            known(e.monitor),
            known(wording.place(e.series)),
            wording.size(e),
            e.status,
        ]
        for e in sorted(found, key=lambda each: (each.window_start, each.monitor, each.alert_id))
    ]
    return Table(("window", "severity", "monitor", "where", "how big", "status"), rows)


def _similar(it: Studied, alert: AlertRecord) -> Table:
    rows = []
    for each in it.similar[:SIMILAR]:
        away = each.window_start - alert.window_start
        distance = f"{wording.duration(abs(away) // MINUTE_MS * MINUTE_MS)} {'before' if away < 0 else 'after'}"
        rows.append(
            [moment(each.window_start), distance, known(wording.place(each.series)), wording.size(each), each.status]
        )
    return Table(("window", "away", "where", "how big", "status"), rows)


def _digests(it: Studied) -> Table:
    return Table(("file", "SHA-256"), [[known(name), digest] for name, digest in it.digests])


def query_of(alert: AlertRecord, monitor: Mapping[str, Any]) -> str | None:
    """The query for the counted events, to paste into ClickHouse; None where the configuration does not say them."""
    found = selection(alert, monitor)
    return None if found is None else " ".join(found.as_text().split())
