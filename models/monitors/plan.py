"""The monitors of a deployment, compiled: which of them look at an event, and what each takes from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

from livewarden.contracts import AGGREGATES, Contract, PlatformChange
from livewarden.times import HOUR_MS
from models.monitors.monitor import SPAN_MS, Monitor

SeriesKey = tuple[str, ...]
"""The values of a monitor's `group_by`, in its order; "" where the event has none."""

Reading = tuple[SeriesKey, int, int, str | None]
"""Series, value, exposure, subject: what one event adds to a bucket. All numbers are exact integers."""


CHANGES: Final = PlatformChange.topic
"""The topic of the change ledger: every group reads what comes on it."""


class CompiledMonitor:
    """One monitor, ready to read events: slots instead of look-ups on the hot path.

    `exposure`: it reads what the monitor's counts are out of instead.
    """

    __slots__ = (
        "_dimensions",
        "_leaf",
        "_measured",
        "_subject",
        "_where",
        "bucket_ms",
        "dimensions",
        "exposure",
        "has_leaves",
        "kind",
        "leaves",
        "measured",
        "monitor",
        "subject",
        "where",
    )

    def __init__(self, monitor: Monitor, *, exposure: bool = False) -> None:
        self.monitor = monitor
        self.exposure = exposure
        self.bucket_ms = monitor.bucket
        asked = monitor.beside if exposure and monitor.beside is not None else monitor
        self.dimensions = tuple(asked.group_by if isinstance(asked, Monitor) else asked.by)
        self.kind, self.measured = asked.measured[0], asked.measured[1] if asked.measured[0] != "distinct" else ()
        self.where = {field: frozenset(values) for field, values in asked.where.items()}
        self.leaves = () if exposure else monitor.leaf_dims
        self.has_leaves = bool(self.leaves)
        subject = monitor.subjects if self.kind != "distinct" else asked.measured[1][0]
        self.subject = None if exposure else subject
        self._measured = [getter(field) for field in self.measured]
        self._dimensions = [getter(field) for field in self.dimensions]
        self._where = [(getter(field), values) for field, values in self.where.items()]
        self._leaf = [getter(field) for field in self.leaves]
        self._subject = getter(self.subject) if self.subject else None

    @property
    def paths(self) -> frozenset[str]:
        """Every field that it reads."""
        subject = (self.subject,) if self.subject else ()
        return frozenset((*self.dimensions, *self.measured, *self.where, *self.leaves, *subject))

    def read(self, data: Contract) -> Reading | None:
        """What `data` adds, or None where the monitor does not count it.

        A count adds the event's weight. A sum or ratio adds the field as it is (an unknown field adds nothing: None).
        """
        for get, accepted in self._where:
            if text(get(data)) not in accepted:
                return None
        kind = self.kind
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
        series = tuple([text(get(data)) for get in self._dimensions])
        subject = text(self._subject(data)) if self._subject else None
        return series, value, exposure, subject or None

    def weighs(self, data: Contract) -> int:
        """What an event adds to a leaf where values do not add up (distinct subjects): its weight; else 0."""
        return data.weight if self.kind == "distinct" else 0

    def leaf(self, data: Contract) -> SeriesKey:
        """The values of the dimensions that explain an alert, of an event that `read` counts."""
        return tuple([text(get(data)) for get in self._leaf])


class Plan:
    """All monitors, by topic, by event and by group."""

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self.monitors = tuple(monitors)
        self._questions: dict[tuple[str, str], list[CompiledMonitor]] = {}
        for monitor in monitors:
            if monitor.detector != "silence":
                for precision, span_ms in SPAN_MS.items():
                    if span_ms <= SPAN_MS[monitor.precision] and (span_ms >= HOUR_MS) == (monitor.topic == AGGREGATES):
                        self._questions.setdefault((monitor.event, precision), []).append(CompiledMonitor(monitor))
                        if monitor.beside is not None:
                            asked = self._questions.setdefault((monitor.beside.event, precision), [])
                            asked.append(CompiledMonitor(monitor, exposure=True))

    def questions(self, data: Contract) -> Iterable[CompiledMonitor]:
        """The monitors that look at this type of event at this precision, those of its topic only."""
        return self.asked(data.type_name, data.time_precision)

    def asked(self, type_name: str, precision: str) -> Sequence[CompiledMonitor]:
        """The same by their names."""
        return self._questions.get((type_name, precision), ())

    def fields_read(self, type_name: str) -> frozenset[str]:
        """Every field of a type of event that a monitor reads, at any precision."""
        asked = (each for (name, _), every in self._questions.items() if name == type_name for each in every)
        return frozenset(path for each in asked for path in each.paths)

    def on_topic(self, topic: str) -> list[Monitor]:
        """The monitors that read a topic, in file order."""
        return [monitor for monitor in self.monitors if monitor.topic == topic]

    def exposed_by(self, topic: str) -> list[Monitor]:
        """The monitors whose exposure comes on a topic, in file order."""
        return [monitor for monitor in self.monitors if monitor.exposure_topic == topic]

    def ticks(self, topic: str) -> Mapping[str, int]:
        """The groups that listen to a topic, sorted, each with its smallest bucket (ms):
        how finely it is to be sealed.
        """
        listening = self.monitors if topic == CHANGES else [*self.on_topic(topic), *self.exposed_by(topic)]
        groups = sorted({monitor.group_name for monitor in listening})
        return {group: min(monitor.bucket for monitor in self.in_group(group)) for group in groups}

    def mates(self, topic: str) -> frozenset[str]:
        """The other topics for which somebody waits who waits for this one;
        for the change ledger's that is all of them.
        """
        groups = self.ticks(topic)
        waiting = [monitor for monitor in self.monitors if monitor.group_name in groups]
        topics = {name for monitor in waiting for name in (monitor.topic, monitor.exposure_topic) if name}
        return frozenset(topics - {topic})

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

    @cached_property
    def described(self) -> dict[str, dict[str, Any]]:
        """By name: the fields of a monitor as its file has them, and its `config_hash`;
        for those who show or keep them.
        """
        return {
            monitor.name: monitor.model_dump(mode="json") | {"config_hash": monitor.config_hash}
            for monitor in self.monitors
        }


def text(value: Any) -> str:
    """A label: "" where unknown, and true or false as JSON writes them."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def getter(path: str) -> Callable[[Any], Any]:
    """What reads the field that a dotted path names; None where an inner part is unset."""
    names = path.split(".")
    if len(names) == 1:
        return attrgetter(path)

    def get(data: Any) -> Any:
        for name in names:
            if data is None:
                return None
            data = getattr(data, name)
        return data

    return get
