"""What a score is made of: this bucket, what lasted before it, the floors, the budget and its threshold."""

from __future__ import annotations

from typing import Any

from livewarden.alert import Alert
from livewarden.wording import against, short_number, span
from models.monitors.monitor import Monitor


def anatomy(alert: Alert, monitor: Monitor) -> dict[str, Any] | None:
    """The parts of an alert's score as plain JSON values, and `words` that say them; None where nothing was scored.

    `threshold` follows from the budget: the score that chance alone reaches `budget_per_day` times a day over all
    series; after a declared change less calls (`models.decide.declared`). `sustained`: the buckets taken together where
    several said more than the last one, else None. What the shape of the day or the parent's level added to what was
    expected is in `expected`, and not set apart.

    >>> from livewarden.alert import example
    >>> orders = Monitor(name="orders", event="traffic.sample", measure="sum(orders)", detector="traffic",
    ...                  group_by=["market"], bucket="1m", min_volume=20, budget_per_day=0.01)
    >>> said = anatomy(example(0), orders)["words"].split(". ")
    >>> said[0]
    'Score 9, and 7.2 calls: that is 1 false alert in 100 days over 100 series'
    >>> said[1:]
    ['In this bucket 60, expected 6', 'Floors: 20 expected or observed, ×1.25.']
    """
    if alert.score is None or alert.observed is None or alert.expected is None:
        return None
    bucket_ms = alert.window_end_ms - alert.window_start_ms
    sustained = None
    size = f"In this bucket {against(alert.observed, alert.expected, bucket_ms)}."
    if alert.scan_buckets > 1 and alert.scan_observed is not None and alert.scan_expected is not None:
        sustained = {
            "buckets": alert.scan_buckets,
            "observed": alert.scan_observed,
            "expected": alert.scan_expected,
        }
        together = against(alert.scan_observed, alert.scan_expected, alert.scan_buckets * bucket_ms)
        size += f" The last {alert.scan_buckets} together: {together}."
    floors = f"{short_number(monitor.min_volume)} expected or observed, ×{monitor.min_effect:g}"
    declared = alert.score < monitor.threshold
    less = " Less does, as here, in the two hours after a declared change that names the series." if declared else ""
    words = (
        f"Score {alert.score:.3g}, and {monitor.threshold:.2g} calls: that is {_budget(monitor)} over"
        f" {monitor.series:,} series.{less} {size} Floors: {floors}."
    )
    return {
        "score": alert.score,
        "threshold": round(monitor.threshold, 3),
        "budget_per_day": monitor.budget_per_day,
        "series": monitor.series,
        "bucket": {"observed": alert.observed, "expected": alert.expected},
        "sustained": sustained,
        "min_volume": monitor.min_volume,
        "min_effect": monitor.min_effect,
        "words": words,
    }


def _budget(monitor: Monitor) -> str:
    if monitor.budget_per_day >= 1:
        return f"{monitor.budget_per_day:g} false alert{'' if monitor.budget_per_day == 1 else 's'} a day"
    return f"1 false alert in {span(round(1 / monitor.budget_per_day) * 86_400_000)}"
