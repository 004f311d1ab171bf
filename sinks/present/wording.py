"""Rows of ClickHouse in words: numbers, times, slices, and an alert in one sentence."""

from __future__ import annotations

from typing import Protocol

from livewarden.times import MINUTE_MS, format_ms, moment_of
from livewarden.wording import against as against
from livewarden.wording import duration as duration
from livewarden.wording import number as number
from livewarden.wording import place as place
from sinks.store.records import AlertRecord


def when(ms: int | None) -> str:
    """Day and time, UTC, to the minute.

    >>> when(1_744_070_400_000), when(None)
    ('2025-04-08 00:00', '–')
    """
    return "–" if ms is None else format_ms(ms - ms % MINUTE_MS).replace("T", " ").removesuffix(":00Z")


def exactly(ms: int | None) -> str:
    """Day and time, UTC, to the second, milliseconds where there are any.

    >>> exactly(1_744_070_400_250)
    '2025-04-08 00:00:00.250'
    """
    if ms is None:
        return "–"
    return format_ms(ms).replace("T", " ").removesuffix("Z")


def day(ms: int) -> str:
    """The day alone.

    >>> day(1_744_070_400_000)
    'Tue 8 Apr 2025'
    """
    moment, years = moment_of(ms)
    return f"{moment:%a} {moment.day} {moment:%b} {moment.year + years:04}"


def bucket_ms(alert: AlertRecord) -> int:
    """Length of one bucket of the alert's monitor; of a gap, the whole gap."""
    return int(alert.window_end - alert.window_start)


def drawn_bucket_ms(alert: AlertRecord) -> int:
    """Length of a bucket in a chart; of a gap a minute, so that a long one does not stretch it."""
    return MINUTE_MS if alert.direction == "MISSING" else bucket_ms(alert)


def scanned_from(alert: AlertRecord) -> int:
    """Start of the buckets over which the deviation was found."""
    return int(alert.window_start - (alert.scan_buckets - 1) * bucket_ms(alert))


def measured(alert: AlertRecord) -> tuple[float | None, float | None]:
    """Observed and expected over the buckets in which the deviation was found."""
    if alert.scan_buckets > 1 and alert.scan_observed is not None:
        return alert.scan_observed, alert.scan_expected
    return alert.observed, alert.expected


def size(alert: AlertRecord) -> str:
    """How big, against what was expected.

    >>> from livewarden.times import DAY_MS
    >>> of = {"window_start": 0, "window_end": DAY_MS, "direction": "UP"}
    >>> size(AlertRecord.model_construct(observed=240043, expected=0.4, **of))
    '240,043 in 1 day, expected 0.4'
    """
    observed, expected = measured(alert)
    if alert.observed is None or observed is None:
        return "nothing came"
    span = bucket_ms(alert) * alert.scan_buckets
    return against(observed, expected, span)


def times(alert: AlertRecord) -> str:
    """How much more or less, as one figure.

    >>> times(AlertRecord.model_construct(observed=992, expected=2831))
    '−65 %'
    >>> times(AlertRecord.model_construct(observed=257, expected=60))
    '×4.3'
    """
    observed, expected = measured(alert)
    if observed is None or not expected:
        return ""
    ratio = observed / expected
    if ratio < 1:
        return f"−{100 - round(100 * ratio)} %"
    return f"×{ratio:,.0f}" if ratio >= 10 else f"×{ratio:.1f}"


def began(alert: AlertRecord, onset_ms: int | None = None) -> str:
    """Since when, as far as it is known: the onset that the explanation found, else the window.

    >>> began(AlertRecord.model_construct(window_start=0, window_end=MINUTE_MS, scan_buckets=15))
    'in the 15 min before 1970-01-01 00:01'
    """
    if onset_ms is not None:
        return f"since {when(onset_ms)}"
    if alert.scan_buckets > 1:
        return f"in the {duration(bucket_ms(alert) * alert.scan_buckets)} before {when(alert.window_end)}"
    return f"since {when(alert.window_start)}"


def lasting(alert: AlertRecord, now_ms: int | None) -> str:
    """Whether it is over, and how long it took or has taken; `now_ms` is how far events were judged."""
    start = alert.window_start
    if alert.status == "resolved":
        return f"over since {when(alert.ends_at)}" if alert.ends_at is not None else "over"
    if now_ms is not None and now_ms > start:
        return f"not over after {duration(now_ms - start)}"
    return "not over"


def sentence(alert: AlertRecord, what: str, onset_ms: int | None, now_ms: int | None) -> str:
    """An alert in one sentence: what, where, how big, since when, and whether it is over."""
    factor = times(alert)
    return (
        f"{what}, {place(alert.series)}: {size(alert)}{f' ({factor})' if factor else ''}, "
        f"{began(alert, onset_ms)} UTC,"
        f" {lasting(alert, now_ms)}."
    )


def kind(name: str) -> str:
    """A kind in small letters.

    >>> kind("ENFORCEMENT_SPIKE")
    'enforcement spike'
    """
    return name.replace("_", " ").lower()


_OUTCOMES = {
    "notified": "somebody was notified",
    "waiting": "waits to be sent",
    "grouped": "notified with its incident",
    "inhibited": "muted by a wider slice",
    "silenced": "silenced",
    "maintenance": "kept back by maintenance",
    "quiet_hours": "kept back by quiet hours",
    "stale": "too old to call anybody",
    "suppressed": "kept back by detection",
    "no_route": "no route takes it",
}


def outcome(name: str) -> str:
    """What became of an alert, in words.

    >>> outcome("inhibited"), outcome("else_where")
    ('muted by a wider slice', 'else where')
    """
    return _OUTCOMES.get(name, name.replace("_", " "))


class Dated(Protocol):
    """A case, as far as its next step is concerned."""

    @property
    def due_at(self) -> int | None:
        """Until when, in ms; None without a date."""
        ...

    @property
    def overdue(self) -> int:
        """1 where that is past."""
        ...


def due(case: Dated, now_ms: int) -> str:
    """When a case's next step is due, seen from now; empty where it has no date.

    >>> from livewarden.times import DAY_MS, HOUR_MS
    >>> from sinks.store.records import CaseRecord
    >>> due(CaseRecord.model_construct(due_at=0, overdue=1), HOUR_MS)
    'overdue by 1 h'
    >>> due(CaseRecord.model_construct(due_at=DAY_MS, overdue=0), 0)
    'due in 1 d'
    """
    if case.due_at is None:
        return "overdue" if case.overdue else ""
    left = case.due_at - now_ms
    if case.overdue or left < 0:
        return f"overdue by {duration(-left)}" if left < 0 else "overdue"
    return f"due in {duration(left)}"


def ago(ms: int | None, now_ms: int) -> str:
    """How long something is past.

    >>> from livewarden.times import HOUR_MS
    >>> ago(0, HOUR_MS), ago(None, 0), ago(HOUR_MS, 0)
    ('1 h ago', '', 'in 1 h')
    """
    if ms is None:
        return ""
    return f"{duration(now_ms - ms)} ago" if ms <= now_ms else f"in {duration(ms - now_ms)}"


def typed(ms: int) -> str:
    """An instant as a field for a time has it.

    >>> typed(1_744_070_400_000)
    '2025-04-08T00:00'
    """
    return when(ms).replace(" ", "T")
