"""The explanation of an alert: which slice carries it, what the platform changed at the time, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from livewarden.alert import Alert
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms, parse_ms
from models.aggregate.leaf import KEPT_BUCKETS
from models.detect.exposure import bounded
from models.detect.series_index import Point
from models.explain import Cause, explain
from models.explain.anatomy import anatomy
from models.explain.ledger import KEEP_MS, Ledger, Relation, relation
from models.explain.onset import onset
from models.explain.verdict import CHANGE_POINTS, DELIVERY, MODERATION, Facts, MatchedChange, Timing, judge
from models.explain.window import Bucket, periods
from models.monitors.monitor import Monitor
from models.monitors.plan import SeriesKey

TOP: Final = 5
"""Slices that are named."""
MOST_LEAVES: Final = 800
"""Leaves of one series that are searched; of more, the largest now and then."""
MOST_CHANGES: Final = 10
"""Changes that are named."""
GUARD_BUCKETS: Final = 2
"""Buckets right before the onset (half as many as are explained, if more) that are neither usual nor explained: what
creeps in is in them already, and a slice that is new since then would be its own usual."""
CLOSE_MS: Final[Mapping[str, int]] = {
    "POLICY_ROLLOUT": HOUR_MS,
    "RULE_CHANGE": HOUR_MS,
    "REPORTING_SCOPE": HOUR_MS,
    "SCHEMA_VERSION": HOUR_MS,
}
"""A change of a kind as short before the onset (or two buckets, if longer) is right before it: what reaches people and
caches first takes up to an hour, what machines do takes effect in minutes. An onset is only an estimate, so two buckets
after it are right before it, too."""
OTHER_CLOSE_MS: Final = 15 * MINUTE_MS
LEAD_MS: Final[Mapping[str, int]] = {
    "POLICY_ROLLOUT": 12 * HOUR_MS,
    "RULE_CHANGE": 6 * HOUR_MS,
    "REPORTING_SCOPE": DAY_MS,
    "SCHEMA_VERSION": 6 * HOUR_MS,
    "MODEL_RELEASE": 3 * HOUR_MS,
    "THRESHOLD_CHANGE": 3 * HOUR_MS,
    "QUEUE_ROUTING": 3 * HOUR_MS,
    "DEPLOYMENT": 2 * HOUR_MS,
    "CAMPAIGN": 2 * HOUR_MS,
}
"""How long before the onset a change of a kind may lie: what people carry out takes longer than what machines do."""
OTHER_LEAD_MS: Final = HOUR_MS
DECIDERS: Final = "reviewer_type"
DECIDER_PART: Final = 0.2
"""Part of the excess that deciders of a kind must have each to be said to have moved alike …"""
DECIDER_EVENTS: Final = 3
"""… and events."""


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What the engine knows around an alert, at the moment it explains it.

    `points`, `leaves` (by bucket) and `relative` exposure are of the alert's own series, up to its bucket. `since_ms`
    is the onset of its episode, where it has begun earlier. `beside`: verdicts of alerts at the same time that share a
    label.
    """

    points: Sequence[Point]
    leaves: Mapping[int, Bucket]
    relative: Mapping[int, float]
    usual_exposure: float | None = None
    since_ms: int | None = None
    after_gap: bool = False
    confined: Mapping[str, int] = field(default_factory=dict)
    beside: Sequence[tuple[str, str]] = ()


def account(alert: Alert, monitor: Monitor, context: AlertContext, ledger: Ledger, *, now_ms: int) -> dict[str, Any]:
    """The explanation as a JSON object. The same facts give the same object, to the last digit.

    `now_ms`: up to when the ledger is known; it counts as kept if there is any entry of the time before. The object
    holds what it was judged from (`facts`), so that `settled` can judge again when the anomaly is over.
    """
    own = onset(_longer(alert, monitor, context), alert)
    began = own if context.since_ms is None else min(own, context.since_ms)
    searched = _search(alert, monitor, context, own, began)
    exposure = _exposure(monitor, context, own, alert.window_end_ms, searched)
    return _judged(
        alert,
        monitor,
        {
            "onset": format_ms(began),
            "slices": searched,
            "exposure": exposure,
            "facts": {
                "inside": _inside(monitor, context, own),
                "alike": _alike(alert, monitor, context, own),
                "after_gap": context.after_gap,
                "confined": dict(context.confined),
                "beside": [list(each) for each in context.beside],
            },
        },
        ledger,
        now_ms=now_ms,
    )


def settled(
    explanation: Mapping[str, Any], alert: Alert, monitor: Monitor, ledger: Ledger, *, now_ms: int
) -> dict[str, Any]:
    """The explanation of an alert that is over: a change taken back right before the end speaks for it."""
    kept = {name: explanation[name] for name in ("onset", "slices", "exposure", "facts")}
    return _judged(alert, monitor, kept, ledger, now_ms=now_ms)


def _judged(alert: Alert, monitor: Monitor, found: dict[str, Any], ledger: Ledger, *, now_ms: int) -> dict[str, Any]:
    facts, slices, exposure = found["facts"], found["slices"], found["exposure"]
    leading = slices["causes"][0] if slices and slices["causes"] else None
    lined, changes = _line_up(alert, monitor, found, leading, ledger, now_ms)
    card = judge(
        Facts(
            direction=alert.direction,
            series=alert.series,
            slice=leading and leading["slice"],
            share=leading["share"] if leading else 0.0,
            searched=slices["dimensions"] if slices else (),
            changes=lined,
            ledger=bool(ledger.between(now_ms - KEEP_MS, now_ms)),
            enforcement=monitor.event.startswith("enforcement"),
            quality=monitor.event == "traffic.quality",
            people_only=_people_only(monitor),
            coarse=monitor.precision in ("hour", "day"),
            alike=facts["alike"],
            observed=alert.observed or 0.0,
            subjects=alert.subjects,
            volume=exposure and exposure["volume_share"],
            after_gap=facts["after_gap"],
            confined=facts["confined"],
            beside=[(verdict, words) for verdict, words in facts["beside"]],
        )
    )
    said = {"changes": changes, "verdict": card, "text": _in_words(alert, leading, card)}
    return found | said | {"anatomy": anatomy(alert, monitor)}


def _longer(alert: Alert, monitor: Monitor, context: AlertContext) -> list[Point]:
    """The points, and before them what the leaves add up to: a window of an hour may reach back behind the points."""
    points = list(context.points)
    if not points or alert.scan_buckets < 2 or monitor.measured[0] not in ("count", "sum"):
        return points
    usual = points[0][2]
    earlier = [
        (start, float(sum(value for _, value, _ in rows)), usual, 0.0)
        for start, rows in sorted(context.leaves.items())
        if start < points[0][0] and start > alert.window_start_ms - 2 * alert.scan_buckets * monitor.bucket
    ]
    return earlier + points


def _search(alert: Alert, monitor: Monitor, context: AlertContext, own: int, began: int) -> dict[str, Any] | None:
    """The slices, from the leaves of the alert's own series; None where none are counted or too little is known of
    before.
    """
    if not monitor.leaf_dims or alert.direction == "MISSING":
        return None
    end, size = alert.window_end_ms, monitor.bucket
    calm_until = began - size * max(GUARD_BUCKETS, (end - own) // size // 2)
    buckets = {start: rows for start, rows in context.leaves.items() if start < calm_until or own <= start < end}
    named = _largest(buckets, own)
    if named is not None:
        buckets = {start: [row for row in rows if row[0] in named] for start, rows in buckets.items()}
    moved = {start: start if start >= own else start + own - calm_until for start in buckets}
    shifted = {moved[start]: rows for start, rows in buckets.items()}
    relative = {moved[start]: context.relative.get(start, 1.0) for start in buckets}
    both = periods(shifted, relative, own, end, monitor.bucket, alert.direction, ratio=monitor.measured[0] == "ratio")
    if both is None:
        return None
    try:
        found = explain(monitor.leaf_dims, *both, top=TOP, direction=alert.direction)
    except ValueError:
        return None
    return {
        "dimensions": list(monitor.leaf_dims),
        "causes": [_cause(cause, alert) for cause in found.causes],
        "alternatives": [_cause(cause, alert) for cause in found.alternatives],
        "none": found.none,
        "rate": found.rate,
        "volume": found.volume,
        "mix": found.mix,
        "from": format_ms(own),
        "to": format_ms(end),
    }


def _largest(buckets: Mapping[int, Bucket], own: int) -> set[tuple[str, ...]] | None:
    sizes: dict[tuple[str, ...], list[int]] = {}
    for start, rows in buckets.items():
        for values, value, exposure in rows:
            sizes.setdefault(values, [0, 0])[start >= own] += exposure or abs(value)
    if len(sizes) <= MOST_LEAVES:
        return None
    half = MOST_LEAVES // 2
    return {values for side in (0, 1) for values in sorted(sizes, key=lambda each: (-sizes[each][side], each))[:half]}


def _cause(cause: Cause, alert: Alert) -> dict[str, Any]:
    what = "rise" if alert.direction == "UP" else "fall"
    return {
        "slice": dict(cause.slice),
        "share": cause.share,
        "risk_ratio": cause.risk_ratio,
        "score": cause.score,
        "without": cause.without,
        "words": f"without {slice_in_words(cause.slice)} the {what} shrinks by {min(1.0, cause.without):.0%}",
    }


def _exposure(
    monitor: Monitor, context: AlertContext, own: int, end: int, searched: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Exposure now against its usual, and how much of the change it is; None without one."""
    if monitor.exposure is None or context.usual_exposure is None:
        return None
    now = [context.relative.get(start, 1.0) for start in range(own, end, monitor.bucket)]
    relative = sum(now) / max(1, len(now))
    points = {start: (observed, expected) for start, observed, expected, _ in context.points if own <= start < end}
    observed = sum(each[0] for each in points.values())
    usual = sum(each[1] / bounded(context.relative.get(start, 1.0)) for start, each in points.items())
    volume = sum(each[1] for each in points.values()) - usual
    change = observed - usual
    return {
        "event": monitor.exposure.event,
        "measure": monitor.exposure.measure,
        "by": list(monitor.exposure.by),
        "observed": _short(relative * context.usual_exposure),
        "usual": _short(context.usual_exposure),
        "relative": _short(relative),
        "more_traffic": _short(volume),
        "higher_rate": _short(change - volume - (searched["mix"] if searched else 0.0)),
        "different_mix": _short(searched["mix"]) if searched else 0.0,
        "volume_share": _short(max(-1.0, min(2.0, volume / change))) if change else 0.0,
    }


def _inside(monitor: Monitor, context: AlertContext, own: int) -> dict[str, list[str]]:
    """The values of the searched dimensions that occur now, where they are few enough to be all of them."""
    found: dict[str, set[str]] = {name: set() for name in monitor.leaf_dims}
    for start, rows in context.leaves.items():
        if start >= own:
            for values, _, _ in rows:
                for name, value in zip(monitor.leaf_dims, values, strict=True):
                    found[name].add(value)
    return {name: sorted(values - {""}) for name, values in found.items() if 0 < len(values - {""}) <= 50}


def _alike(alert: Alert, monitor: Monitor, context: AlertContext, own: int) -> str:
    """In words, that deciders of more than one kind rose alike; "" where not, or where too few events could tell."""
    if DECIDERS not in monitor.leaf_dims or alert.direction != "UP" or not monitor.event.startswith("enforcement"):
        return ""
    place = monitor.leaf_dims.index(DECIDERS)
    now: dict[str, int] = {}
    past: dict[str, int] = {}
    for start, rows in context.leaves.items():
        for values, value, _ in rows:
            side = now if own <= start < alert.window_end_ms else past
            side[values[place]] = side.get(values[place], 0) + value
    before = sum(1 for start in context.leaves if start < own)
    length = (alert.window_end_ms - own) // monitor.bucket
    if not before:
        return ""
    excess = {name: value - past.get(name, 0) * length / before for name, value in now.items() if name}
    total = sum(max(0.0, each) for each in excess.values())
    rose = [name for name in sorted(excess) if excess[name] >= DECIDER_EVENTS and excess[name] >= DECIDER_PART * total]
    model, people = [name for name in rose if name == "AUTOMATED"], [name for name in rose if name != "AUTOMATED"]
    return f"models and people both decide more ({', '.join(model + people)})" if model and people else ""


def _people_only(monitor: Monitor) -> bool:
    accepted = monitor.where.get(DECIDERS)
    return bool(accepted) and "AUTOMATED" not in (accepted or ())


def _line_up(
    alert: Alert,
    monitor: Monitor,
    found: Mapping[str, Any],
    leading: Mapping[str, Any] | None,
    ledger: Ledger,
    now_ms: int,
) -> tuple[list[MatchedChange], list[dict[str, Any]]]:
    began = parse_ms(found["onset"])
    labels = {**alert.series, "event": monitor.event, "topic": monitor.topic}
    narrow = labels | {name: value for name, value in (leading["slice"] if leading else {}).items() if value}
    inside = found["facts"]["inside"]
    slack = 2 * monitor.bucket
    listed: list[tuple[tuple[int, int], MatchedChange, dict[str, Any]]] = []
    for change in ledger.between(began - max(*LEAD_MS.values(), slack), now_ms):
        how = relation(change, labels, inside)
        if how is None or not change.effective:
            continue
        if relation(change, narrow) == "named":
            how = "named"
        kind = ledger.origin(change)
        if how == "scoped" and kind in (MODERATION if monitor.event.startswith(("traffic", "room")) else DELIVERY):
            how = "open"
        near = max(CLOSE_MS.get(change.kind, OTHER_CLOSE_MS), slack)
        timing = _timing(change.at_ms - began, near, slack, max(near, LEAD_MS.get(change.kind, OTHER_LEAD_MS)))
        back = change.kind == "ROLLBACK" or change.phase in ("ROLLED_BACK", "ENDED")
        if back and alert.ends_at_ms is not None and abs(change.at_ms - alert.ends_at_ms) <= near:
            timing = "ended"
        if timing is None:
            continue
        minutes = round((began - change.at_ms) / MINUTE_MS)
        when = f"{_span(abs(minutes))} {'before' if minutes >= 0 else 'after'} it began"
        if timing == "ended":
            when = "and it was over"
        lined = MatchedChange(kind, how, timing, f"{change.in_words()}, {when}{_reach(how)}")
        row = change.to_json() | {
            "relation": how,
            "timing": timing,
            "minutes_before": minutes,
            "supports": CHANGE_POINTS[how, timing] > 0,
        }
        listed.append(((-lined.points, abs(change.at_ms - began)), lined, row))
    listed.sort(key=lambda each: (each[0], each[2]["at"], each[2]["change_id"], each[2]["phase"] or ""))
    return [lined for _, lined, _ in listed], [row for _, _, row in listed[:MOST_CHANGES]]


def _timing(after_ms: int, near: int, slack: int, lead: int) -> Timing | None:
    if after_ms > slack:
        return "after"
    if after_ms >= -near:
        return "close"
    return "before" if after_ms >= -lead else None


def _reach(how: Relation) -> str:
    return {"named": "; it names this slice", "scoped": "; its scope names this slice", "open": ""}[how]


def _span(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"


def slice_in_words(values: Mapping[str, str]) -> str:
    """A slice for people.

    >>> slice_in_words({"cdn": "3", "isp": ""})
    'cdn=3 · isp=(none)'
    """
    return " · ".join(f"{name}={value or '(none)'}" for name, value in values.items())


def _in_words(alert: Alert, leading: Mapping[str, Any] | None, card: Mapping[str, Any]) -> str:
    verdict = card["verdict"].replace("_", " ").lower()
    first = (
        "Insufficient evidence for a cause"
        if card["strength"] == "none"
        else f"Probably {verdict} ({card['strength']})"
    )
    parts = [first]
    if card["for"] and card["strength"] != "none":
        parts[0] += f": {card['for'][0]}"
    if leading:
        parts.append(f"{slice_in_words(leading['slice'])} carries {leading['share']:.0%}: {leading['words']}")
    return ". ".join(parts) + "."


def _short(number: float) -> float:
    return int(number) if number == int(number) else float(f"{number:.6g}")


def window_of(monitor: Monitor, alert: Alert) -> tuple[int, int]:
    """From when to when leaves are wanted for an alert."""
    return alert.window_end_ms - KEPT_BUCKETS * monitor.bucket, alert.window_end_ms


def key_of(monitor: Monitor, alert: Alert) -> SeriesKey:
    """The series of an alert, as a key."""
    return tuple(alert.series.get(name, "") for name in monitor.group_by)
