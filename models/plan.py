"""The monitors of a deployment, compiled: which of them look at an event, and what each takes from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from livewarden.contracts import AGGREGATES, Contract
from livewarden.times import HOUR_MS
from models.monitor import SPAN_MS, Monitor

SeriesKey = tuple[str, ...]
"""The values of a monitor's `group_by`, in its order; "" where the event has none."""

Reading = tuple[SeriesKey, int, int, str | None]
"""Series, value, exposure, subject: what one event adds to a bucket. All numbers are exact integers."""


class Question:
    """One monitor, ready to read events: slots instead of look-ups on the hot path."""

    __slots__ = ("_dimensions", "_kind", "_measured", "_subject", "_where", "bucket_ms", "monitor")

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.bucket_ms = monitor.bucket
        self._kind, fields = monitor.measured
        self._measured = [_getter(field) for field in fields]
        self._dimensions = [_getter(field) for field in monitor.group_by]
        self._where = [(_getter(field), frozenset(values)) for field, values in monitor.where.items()]
        subject = monitor.subjects if self._kind != "distinct" else monitor.measured[1][0]
        self._subject = _getter(subject) if subject else None

    def read(self, data: Contract) -> Reading | None:
        """What `data` adds, or None where the monitor does not count it.

        A count adds the event's weight. A sum or ratio adds the field as it is (an unknown field adds nothing: None).
        """
        for get, accepted in self._where:
            if _text(get(data)) not in accepted:
                return None
        kind = self._kind
        exposure = 0
        if kind == "count":
            value = data.weight
        elif kind == "distinct":
            value = 0
        else:
            numbers = [get(data) for get in self._measured]
            if None in numbers:
                return None
            value = numbers[0]
            if kind == "ratio":
                exposure = numbers[1]
        series = tuple([_text(get(data)) for get in self._dimensions])
        subject = _text(self._subject(data)) if self._subject else None
        return series, value, exposure, subject or None


class Plan:
    """All monitors, by topic, by event and by group."""

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self.monitors = tuple(monitors)
        self._questions: dict[tuple[str, str], list[Question]] = {}
        for monitor in monitors:
            if monitor.detector != "silence":
                for precision, span_ms in SPAN_MS.items():
                    if span_ms <= SPAN_MS[monitor.precision] and (span_ms >= HOUR_MS) == (monitor.topic == AGGREGATES):
                        self._questions.setdefault((monitor.event, precision), []).append(Question(monitor))

    def questions(self, data: Contract) -> Iterable[Question]:
        """The monitors that look at this type of event at this precision, those of its topic only."""
        return self._questions.get((data.type_name, data.time_precision), ())

    def on_topic(self, topic: str) -> list[Monitor]:
        """The monitors that read a topic, in file order."""
        return [monitor for monitor in self.monitors if monitor.topic == topic]

    def in_group(self, group: str) -> list[Monitor]:
        """The monitors judged together under that group's name, in file order."""
        return [monitor for monitor in self.monitors if monitor.group_name == group]

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """All groups, sorted."""
        return tuple(sorted({monitor.group_name for monitor in self.monitors}))

    @cached_property
    def by_name(self) -> dict[str, Monitor]:
        """Monitor by name."""
        return {monitor.name: monitor for monitor in self.monitors}


def _text(value: Any) -> str:
    """A label: "" where unknown, and true or false as JSON writes them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _getter(path: str) -> Callable[[Any], Any]:
    names = path.split(".")
    if len(names) == 1:
        return lambda data, name=path: getattr(data, name)  # type: ignore[misc]

    def get(data: Any) -> Any:
        for name in names:
            if data is None:
                return None
            data = getattr(data, name)
        return data

    return get
