"""What is different about an alert between two runs, and how often that was so, a line a monitor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from livewarden.alert import Alert
from models.compare.pairs import Pair, pairs

What = Literal["added", "removed", "moved", "larger", "smaller", "other explanation"]
"""What somebody who is notified would see."""
Rest = Literal["", "details", "configuration", "same"]
"""What remains of a pair without any of these: other details, another configuration alone, or nothing."""
NOTABLE: Final = 0.01
"""An alert is larger or smaller where what it has above or below the expected changed by more than this part."""
_CONFIGURED: Final = frozenset({"alert_id", "alert_ids", "episode_id", "case_id", "config_hash", "monitors", "run"})
"""What another configuration of the same monitor changes in any case."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair of alerts, what is different about it, and the fields that differ besides ids."""

    pair: Pair
    what: tuple[What, ...]
    rest: Rest
    fields: tuple[str, ...] = ()

    @property
    def alert(self) -> Alert:
        """The alert of the second run; that of the first where the second has none."""
        alert = self.pair.b or self.pair.a
        assert alert is not None
        return alert


@dataclass(frozen=True, slots=True)
class MonitorSummary:
    """A monitor in two runs: notified alerts of each, and what became of them. `same` counts other details, too."""

    monitor: str
    a: int
    b: int
    added: int
    removed: int
    moved: int
    larger: int
    smaller: int
    explained: int
    same: int


def differences(a: Iterable[Alert], b: Iterable[Alert]) -> list[Difference]:
    """Every alert of both runs with what is different about it, by time.

    Added and removed are about alerts that somebody is notified of: one that the other run has and keeps back
    (`suppressed_by`) is added or removed like one it has not. One that both keep back, or one alone has and keeps back,
    is a detail.

    >>> from livewarden.alert import example
    >>> [each.what for each in differences([example(0), example(9_000_000)], [example(60_000, observed=99.0)])]
    [('moved', 'larger'), ('removed',)]
    """
    return [_difference(pair) for pair in pairs(a, b)]


def summaries(found: Sequence[Difference]) -> list[MonitorSummary]:
    """A line a monitor, by name."""
    counted: dict[str, Counter[str]] = {}
    for each in found:
        counts = counted.setdefault(each.alert.monitor, Counter())
        counts.update(each.what)
        in_a, in_b = (raised(alert) for alert in each.pair)
        counts.update({"a": int(in_a), "b": int(in_b), "same": int(in_a and in_b and not each.what)})
    names = ("a", "b", "added", "removed", "moved", "larger", "smaller", "other explanation", "same")
    return [MonitorSummary(monitor, *(counts[name] for name in names)) for monitor, counts in sorted(counted.items())]


def raised(alert: Alert | None) -> bool:
    """Whether there is one, and it was not kept back."""
    return alert is not None and alert.suppressed_by is None


def cause_of(alert: Alert) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Its verdict and the slice that it names first; nothing where it is not explained."""
    explanation = alert.explanation or {}
    verdict = (explanation.get("verdict") or {}).get("verdict", "")
    causes = (explanation.get("slices") or {}).get("causes") or [{"slice": {}}]
    return verdict, tuple(sorted(causes[0]["slice"].items()))


def _difference(pair: Pair) -> Difference:
    a, b = pair
    if raised(a) != raised(b):
        return Difference(pair, ("added" if raised(b) else "removed",), "", _fields(a, b))
    if a is None or b is None:
        return Difference(pair, (), "details", ())
    fields = _fields(a, b)
    what = _what(a, b) if raised(a) else ()
    if what:
        return Difference(pair, what, "", fields)
    if fields:
        return Difference(pair, (), "details", fields)
    return Difference(pair, (), "same" if a == b else "configuration")


def _what(a: Alert, b: Alert) -> tuple[What, ...]:
    found: list[What] = []
    if a.window_start_ms != b.window_start_ms:
        found.append("moved")
    before, after = _size(a), _size(b)
    if abs(after - before) > NOTABLE * max(before, after):
        found.append("larger" if after > before else "smaller")
    if cause_of(a) != cause_of(b):
        found.append("other explanation")
    return tuple(found)


def _size(alert: Alert) -> float:
    if alert.observed is None or alert.expected is None:
        return alert.score or 0.0
    return abs(alert.observed - alert.expected)


def _fields(a: Alert | None, b: Alert | None) -> tuple[str, ...]:
    if a is None or b is None:
        return ()
    ours, theirs = _without_ids(a.to_json("")), _without_ids(b.to_json(""))
    return tuple(sorted(name for name in ours if ours[name] != theirs[name]))


def _without_ids(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_ids(item) for name, item in value.items() if name not in _CONFIGURED}
    return [_without_ids(item) for item in value] if isinstance(value, (list, tuple)) else value
