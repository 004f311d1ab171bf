"""The digest of a week: how much there was against the week before, how it was answered, what is late,
what was kept back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from livewarden.errors import SetupError
from livewarden.times import DAY_MS, to_ms
from sinks.present import wording
from sinks.queries import health, notifications, weekly
from sinks.queries.notifications import ChannelLoad
from sinks.queries.weekly import OverdueCase, SlowIncident, Waits, WeekCount, WeekFeedback
from sinks.report.facts import many, moment
from sinks.report.page import UNKNOWN, Report, Section, Table, known
from sinks.store.reader import Reader

WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS
"""1970-01-05, the first Monday."""


def week_of(text: str) -> int:
    """The start of an ISO week, Monday 00:00 UTC; SetupError where the text names none.

    >>> wording.when(week_of("2026-W10"))
    '2026-03-02 00:00'
    """
    try:
        if not re.fullmatch(r"\d{4}-W\d{2}", text, re.ASCII):
            raise ValueError
        start = datetime.fromisocalendar(int(text[:4]), int(text[6:]), 1)
    except ValueError:
        raise SetupError(f"--week: {text!r} is no ISO week such as 2026-W10") from None
    return to_ms(start.replace(tzinfo=UTC))


def last_week(now_ms: int) -> int:
    """The start of the newest week that is over.

    >>> wording.when(last_week(to_ms(datetime(2026, 3, 12, tzinfo=UTC))))
    '2026-03-02 00:00'
    """
    return now_ms - (now_ms - _MONDAY_MS) % WEEK_MS - WEEK_MS


async def weekly_digest(reader: Reader, from_ms: int, *, now_ms: int) -> Report:
    """The report on the week that begins at `from_ms`, as of `now_ms`; SetupError where it has not begun.

    What a thing's state is, is what it is now. Where nothing is stored from before the week, the week before is
    unknown, not zero.
    """
    to = from_ms + WEEK_MS
    if now_ms < from_ms:
        raise SetupError(f"the week of {wording.day(from_ms)} has not begun")
    first, since = await weekly.known_from(reader)
    before, before_by_clock = (each is not None and each < from_ms for each in (first, since))
    span = (from_ms, to)
    until = await health.judged_until(reader)
    waits = await weekly.waits(reader, *span)
    slow, late = await weekly.slowest(reader, *span), await weekly.overdue(reader)
    down = await notifications.channels(reader, down=True)
    raised = await weekly.alerts(reader, *span, "severity")
    opened = await weekly.incidents(reader, *span, "status")
    came = await weekly.cases(reader, *span, "state")
    judged = bool(_sum(raised, "now")) or (until or 0) > from_ms
    before = before and (bool(_sum(raised, "before")) or (until or 0) > from_ms - WEEK_MS)
    by_monitor = await weekly.alerts(reader, *span, "monitor")
    totals = [
        ("alerts", _versus(_sum(raised, "now"), _sum(raised, "before"), before) if judged else UNKNOWN),
        ("incidents", _versus(_sum(opened, "now"), _sum(opened, "before"), before_by_clock)),
        ("incidents that somebody was notified of", f"{_sum(opened, 'notified_now'):,}"),
        ("cases that came up", _versus(_sum(came, "now"), _sum(came, "before"), before_by_clock)),
        ("cases overdue now", f"{late[0].all if late else 0:,}"),
        ("channels down now", f"{len(down):,}"),
    ]
    iso = datetime.fromtimestamp(from_ms / 1000, UTC).isocalendar()
    running = f" The week is not over: it is {moment(now_ms)}." if now_ms < to else ""
    return Report(
        "Weekly digest",
        f"{iso.year}-W{iso.week:02}, {wording.day(from_ms)} to {wording.day(to - 1)}",
        f"As of {moment(now_ms)}, from what is stored.{running}",
        [
            Section("In short", totals, _remarks(first, since, from_ms, until, judged, min(to, now_ms))),
            _section("Alerts by severity", "severity", raised, before, judged=judged),
            _section("Alerts by monitor", "monitor", by_monitor, before, judged=judged),
            _section("Incidents by status", "status", opened, before_by_clock),
            _section(
                "Incidents by monitor", "monitor", await weekly.incidents(reader, *span, "monitor"), before_by_clock
            ),
            _section("Cases by state", "state", came, before_by_clock),
            _section("Cases by monitor", "monitor", await weekly.cases(reader, *span, "monitor"), before_by_clock),
            _section("Cases that ended", "resolution", await weekly.ended(reader, *span), before_by_clock),
            Section(
                "Longest to acknowledge",
                _waits(waits),
                table=_slow(slow),
                nothing="No incident of the week was notified to anybody.",
            ),
            Section("Overdue cases", table=_late(late, now_ms)),
            _precision(await weekly.judged(reader, *span), before_by_clock),
            _section(
                "Kept back, by reason", "reason", await weekly.kept_back(reader, *span), before_by_clock, kept=True
            ),
            Section("Channels down", table=_down(down)),
            _section("Notifications given up", "channel", await weekly.given_up(reader, *span), before_by_clock),
        ],
    )


def _remarks(
    first: int | None, since: int | None, from_ms: int, until: int | None, judged: bool, end_ms: int
) -> list[str]:
    lines = [
        "Alerts count by when their window began, incidents by when they were opened, cases by when they came up. "
        "States are"
        " those of now."
    ]
    if until is not None and until < end_ms:
        rest = "those that came later are not in it" if judged else f"how many alerts the week has is {UNKNOWN}"
        lines.append(f"Events are judged until {moment(until)}: {rest}.")
    for what, at in (("events and alerts", first), ("what was done", since)):
        if at is None:
            lines.append(f"Of {what} nothing is stored.")
        elif at >= from_ms:
            lines.append(f"Of {what} nothing is stored from before {moment(at)}: the week before is {UNKNOWN}.")
    return lines


def _section(
    title: str, what: str, rows: Sequence[WeekCount], before: bool, *, kept: bool = False, judged: bool = True
) -> Section:
    extra = {"notified_now": "notified", "passed_now": "not kept back"}
    named = [name for name in extra if rows and getattr(rows[0], name) is not None]
    cells = []
    for row in rows:
        name = wording.outcome(row.name) if kept else row.name
        counts = [f"{row.now:,}", *(f"{getattr(row, name):,}" for name in named)]
        cells.append([known(name), *counts, *_against(row.now, row.before, before)])
    columns = (what, "week", *(extra[name] for name in named), "week before", "change")
    nothing = "None." if judged else f"{UNKNOWN}: no event of the week was judged."
    return Section(title, table=Table(columns, cells), nothing=nothing)


def _waits(found: Waits) -> list[tuple[str, str]]:
    if not found.notified:
        return []
    half = UNKNOWN if not found.acknowledged else wording.duration(max(0, found.half or 0))
    return [
        ("acknowledged", f"{found.acknowledged:,} of {found.notified:,} that somebody was notified of"),
        ("half of these within", half),
    ]


def _precision(rows: Sequence[WeekFeedback], before: bool) -> Section:
    cells = []
    for row in rows:
        old = UNKNOWN if not before else _share(row.true_before, row.before)
        verdicts = [f"{getattr(row, name):,}" for name in ("judged", "true_alerts", "expected_alerts", "false_alerts")]
        cells.append([known(row.name), *verdicts, _share(row.true_alerts, row.judged), old])
    columns = ("monitor", "judged", "true", "expected", "false", "precision", "week before")
    lines = ["Of what people judged in the week, not of all alerts."] if cells else []
    return Section("Precision by monitor", lines=lines, table=Table(columns, cells), nothing="Nobody judged an alert.")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%} ({part:,} of {whole:,})" if whole else UNKNOWN


def _slow(rows: Sequence[SlowIncident]) -> Table:
    cells = [
        [
            "not acknowledged" if row.waited is None else wording.duration(max(0, row.waited)),
            row.severity,
            known(row.title),
            moment(row.opened_at),
            "nobody" if row.acknowledged_by is None else known(row.acknowledged_by),
            known(row.incident_id)[:8],
        ]
        for row in rows
    ]
    return Table(("waited", "severity", "incident", "opened", "who had it", "id"), cells)


def _late(rows: Sequence[OverdueCase], now_ms: int) -> Table:
    cells = [
        [
            wording.due(row, now_ms),
            row.state,
            row.severity,
            "nobody" if row.owner is None else known(row.owner),
            known(row.title),
            known(row.case_id)[:8],
        ]
        for row in rows
    ]
    if rows and rows[0].all > len(rows):
        cells.append([f"{many(rows[0].all - len(rows), 'case')} more", *[""] * 5])
    return Table(("late", "state", "severity", "owner", "case", "id"), cells)


def _down(rows: Sequence[ChannelLoad]) -> Table:
    cells = [[known(e.channel), moment(e.since), f"{e.failures:,}", f"{e.waiting:,}", known(e.error)] for e in rows]
    return Table(("channel", "since", "failures", "notifications waiting", "last error"), cells)


def _sum(rows: Sequence[WeekCount], name: str) -> int:
    return sum(getattr(row, name) or 0 for row in rows)


def _versus(now: int, before: int, known_before: bool) -> str:
    if not known_before:
        return f"{now:,} (week before: {UNKNOWN})"
    return f"{now:,} (week before: {before:,}, {_change(now, before)})"


def _against(now: int, before: int, known_before: bool) -> list[str]:
    return [f"{before:,}", _change(now, before)] if known_before else [UNKNOWN, UNKNOWN]


def _change(now: int, before: int) -> str:
    return "same" if now == before else f"{now - before:+,}".replace("-", "−")
