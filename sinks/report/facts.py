"""What reports have in common: an alert, its cause, changes and people's acts as sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from livewarden.times import DAY_MS
from sinks.evidence.picture import picture
from sinks.evidence.timeline import change_in_words
from sinks.present import wording
from sinks.present.chart import Mark, Point, draw
from sinks.present.explanation import Explained, read
from sinks.queries import alerts
from sinks.queries.changes import ChangeRecord
from sinks.report.page import UNKNOWN, Chart, Section, Table, known
from sinks.store.reader import Reader
from sinks.store.records import ActionRecord, AlertRecord, ExplainedAlert

MOST_POINTS: Final = 200
FARTHEST_MS: Final = 400 * DAY_MS
"""An onset farther than this from the window is none."""


def moment(ms: int | None) -> str:
    """An instant, UTC, to the minute; `unknown` where there is none.

    >>> moment(1_744_070_400_000), moment(None)
    ('2025-04-08 00:00 UTC', 'unknown')
    """
    return UNKNOWN if ms is None else f"{wording.when(ms)} UTC"


def many(count: int, what: str) -> str:
    """A number of things.

    >>> many(1, "alert"), many(1200, "alert")
    ('1 alert', '1,200 alerts')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def explained(alert: ExplainedAlert | None) -> Explained | None:
    """The explanation of an alert, as far as there is one."""
    return None if alert is None else read(alert.explanation)


def onset(alert: ExplainedAlert) -> int | None:
    """When the deviation began, as the explanation has it; None where it has none, or an absurd one."""
    account = explained(alert)
    found = None if account is None else account.onset_ms
    return None if found is None or abs(found - alert.window_start) > FARTHEST_MS else found


def deviation(alert: ExplainedAlert | None, title: str, until_ms: int | None) -> list[tuple[str, str]]:
    """What deviates, where, how big against expected, since when."""
    if alert is None:
        return [(name, UNKNOWN) for name in ("what", "where", "how big", "since")]
    began, factor, lasts = onset(alert), wording.times(alert), wording.lasting(alert, until_ms)
    lasts += " UTC" if lasts.startswith("over since") else ""
    return [
        ("what", f"{wording.kind(alert.kind)}, {known(title)}"),
        ("where", known(wording.place(alert.series))),
        ("how big", f"{wording.size(alert)}{f' ({factor})' if factor else ''}"),
        ("since", f"{wording.began(alert, began).removeprefix('since ')} UTC, {lasts}"),
        ("subjects concerned", UNKNOWN if alert.subjects is None else f"about {alert.subjects:,}"),
    ]


def verdict(account: Explained | None, title: str = "Why") -> Section:
    """What the evidence speaks for, and against."""
    if account is None:
        return Section(title, nothing=f"{UNKNOWN}: no explanation is stored.")
    facts = [("verdict", known(account.verdict)), ("strength of the evidence", known(account.strength))]
    facts += [("runner-up", account.runner_up)] if account.runner_up else []
    lines = [known(account.text)] if account.text else []
    for each in account.causes[:3]:
        share = UNKNOWN if each.share is None else f"{each.share:.0%}"
        slice_ = " · ".join(f"{name} {value or UNKNOWN}" for name, value in each.slice.items())
        lines.append(f"Carried by {known(slice_)}: share of the deviation {share}.")
    lines += ["No slice stands out."] if account.none else []
    lines += [f"For it: {known(each)}" for each in account.speaks] or ["For it: nothing is stored."]
    lines += [f"Against it: {known(each)}" for each in account.against] or ["Against it: nothing is stored."]
    return Section(title, facts, lines)


def changed(rows: Sequence[ChangeRecord], began: int, shared: str | None, from_ms: int, to_ms: int) -> Section:
    """Changes of the platform, each with how far from the onset it was."""
    cells = []
    for each in rows:
        away = each.at - began
        distance = f"{wording.duration(abs(away))} {'before' if away < 0 else 'after'}" if away else "at the onset"
        markets = ", ".join(each.markets) or "none named"
        mark = " (the alerts share it)" if shared and each.change_id == shared else ""
        words = (each.owner_team, f"{each.change_id}{mark}")
        cells.append(
            [moment(each.at), distance, known(change_in_words(dict(each))), known(markets), *map(_or_none, words)]
        )
    columns = ("at", "from the onset", "change", "markets", "team", "id")
    nothing = f"None is in the ledger from {moment(from_ms)} to {moment(to_ms)}."
    return Section("Changes near the onset", table=Table(columns, cells), nothing=nothing)


def alert_table(rows: Iterable[AlertRecord], dispositions: Mapping[str, str]) -> Table:
    """Alerts, each with what became of it."""
    cells = [
        [
            moment(each.window_start),
            each.severity,
            known(each.monitor),
            known(wording.place(each.series)),
            wording.size(each),
            each.status,
            wording.outcome(dispositions[each.alert_id]) if each.alert_id in dispositions else UNKNOWN,
        ]
        for each in rows
    ]
    return Table(("window", "severity", "monitor", "where", "how big", "status", "became"), cells)


def acts(rows: Sequence[ActionRecord]) -> Section:
    """What people asked for, and the answers, oldest first."""
    cells = [[moment(e.at), known(e.who), wording.kind(e.do), e.outcome, known(e.answer)] for e in rows]
    return Section("What people did", table=Table(("at", "who", "asked for", "outcome", "answer"), cells))


def chart(
    title: str,
    points: Sequence[Point],
    size_ms: int,
    window: tuple[int, int] | None,
    changes: Sequence[ChangeRecord],
    bars: bool,
) -> Chart | None:
    """Observed against expected, the window shaded, changes marked; None where no bucket is known."""
    points = points[-MOST_POINTS:]
    if not points:
        return None
    start, end = points[0].start, points[-1].start + size_ms
    marks = [Mark(each.at, f"{wording.when(each.at)} {change_in_words(dict(each))}") for each in changes]
    drawn = draw(points, size_ms, from_ms=start, to_ms=end, window=window, marks=marks, bars=bars)
    if drawn is None:
        return None
    svg = picture(drawn, title).decode().partition("?>")[2].strip()
    return Chart(title, drawn.words, svg)


async def chart_of(
    reader: Reader, alert: AlertRecord, title: str, until_ms: int | None, changes: Sequence[ChangeRecord]
) -> Chart | None:
    """The series of an alert, from sixty buckets before it began until some after its end."""
    size = wording.drawn_bucket_ms(alert)
    began = wording.scanned_from(alert)
    start = began - max(60, alert.scan_buckets) * size
    over = alert.ends_at or until_ms or alert.window_end
    end = min(max(alert.window_end, over) + 10 * size, start + MOST_POINTS * size)
    rows = await alerts.judgements(reader, alert.alert_id, start, end)
    points = [Point(row.window_start, row.observed, row.expected, row.score) for row in rows]
    bars = alert.kind.startswith("ENFORCEMENT")
    name = f"{known(title)} · {known(wording.place(alert.series))}"
    return chart(name, points, size, (began, alert.window_end), changes, bars)


def _or_none(text: str) -> str:
    return known(text) if text else "–"
