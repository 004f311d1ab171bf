"""Numbers and alerts in words, for titles, terminals and messages."""

from __future__ import annotations

from livewarden.alert import Alert
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, format_ms
from livewarden.words import against, short_number


def span_in_words(ms: int) -> str:
    """How long, in the one or two units that matter.

    >>> span_in_words(360_000), span_in_words(3_900_000), span_in_words(200_000_000), span_in_words(4_000)
    ('6 min', '1 h 5 min', '2 d 7 h', '4 s')
    """
    if ms < MINUTE_MS:
        return f"{max(ms, 0) // SECOND_MS} s"
    for unit, name, smaller, small in ((DAY_MS, "d", HOUR_MS, "h"), (HOUR_MS, "h", MINUTE_MS, "min")):
        if ms >= unit:
            rest = ms % unit // smaller
            return f"{ms // unit} {name}" + (f" {rest} {small}" if rest else "")
    return f"{ms // MINUTE_MS} min"


def size_in_words(alert: Alert) -> str:
    """How big: observed against expected, over the span in which it was found.

    >>> from models.decide.alert import gap_alert
    >>> from models.monitors.monitor import Monitor
    >>> quiet = Monitor(name="no-news", event="room.lifecycle", detector="silence", bucket="1m")
    >>> size_in_words(gap_alert(quiet, 1_744_070_400_000, 1_744_070_700_000))
    'nothing came since 2025-04-08T00:00:00Z'
    """
    if alert.observed is None or alert.expected is None:
        return f"nothing came since {format_ms(alert.window_start_ms)}"
    if alert.kind == "CARDINALITY":
        return f"{short_number(alert.observed)} series or more, {short_number(alert.expected)} are judged one by one"
    bucket_ms = alert.window_end_ms - alert.window_start_ms
    if alert.scan_buckets > 1 and alert.scan_observed is not None and alert.scan_expected is not None:
        return against(alert.scan_observed, alert.scan_expected, alert.scan_buckets * bucket_ms)
    return against(alert.observed, alert.expected, bucket_ms)


def slice_in_words(alert: Alert) -> str:
    """Which slice: the values of its dimensions, or `everything`."""
    return " · ".join(value for value in alert.series.values() if value) or "everything"
