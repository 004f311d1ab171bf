"""Replay: any source of events through the same stages as live, in one process, with no broker and no side effects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from livewarden.alert import Alert, from_json
from livewarden.event import AHEAD_MS, Event
from models.aggregate.aggregator import Aggregator
from models.aggregate.partial import Seal
from models.decide.engine import Engine, Findings
from models.monitors.plan import CHANGES, Plan


@dataclass(slots=True)
class Result:
    """What a run came to: the newest version of every alert and case candidate, and where every event went."""

    run: str
    alerts: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    buckets: int = 0

    def summary(self) -> dict[str, Any]:
        """Counts for people and for `summary.json`."""
        raised = [alert for alert in self.alerts if alert["suppressed_by"] is None]
        return {
            "run": self.run,
            "events": sum(self.outcomes[outcome] for outcome in ("counted", "late", "duplicate", "conflict")),
            **{outcome: self.outcomes[outcome] for outcome in ("counted", "late", "duplicate", "conflict", "dead")},
            "judged": self.buckets,
            "alerts": len(raised),
            "suppressed": len(self.alerts) - len(raised),
            "cases": len(self.cases),
            "alerts_by_monitor": dict(sorted(Counter(alert["monitor"] for alert in raised).items())),
        }


class Replay:
    """The stages, wired to each other in memory.

    Take delivered events (each with its partition); the order between partitions and topics does not matter, the order
    within one partition does. `awaited_topics`: the topics that every bucket waits for besides its own; one that is not
    in the recording is known to be absent when the recording ends, and only then is judged what waited.
    """

    def __init__(
        self,
        plan: Plan,
        partitions: Mapping[str, int],
        lateness_ms: Mapping[str, int],
        run: str = "replay",
        awaited_topics: Collection[str] = (CHANGES,),
        ahead_ms: int = AHEAD_MS,
    ) -> None:
        self.run = run
        self._plan = plan
        self._partitions = partitions
        self._lateness_ms = lateness_ms
        self._ahead_ms = ahead_ms
        self.future = 0
        self._aggregators: dict[tuple[str, int], Aggregator] = {}
        self._engines = {group: Engine(plan, group, run, awaited_topics) for group in plan.groups}
        self._findings = Findings()
        self._alerts: dict[str, Alert] = {}
        self._cases: dict[str, dict[str, Any]] = {}
        self._buckets = 0
        self.dead = 0

    def take(self, events: Iterable[Event]) -> Iterator[Alert]:
        """Feed all events of a recording; yields the alerts as they come, new versions included."""
        yield from self.feed(events)
        yield from self.finish()

    def feed(self, events: Iterable[Event]) -> Iterator[Alert]:
        """Feed events of which more may follow; yields the alerts as they come, new versions included."""
        for event in events:
            if event.is_ahead(self._ahead_ms):
                self.future += 1
                continue
            _, messages = self._aggregator((event.topic, event.partition)).add(event)
            for message in messages:
                self._engines[message.group].apply(message, self._findings)
            if messages:
                yield from self._collect()

    def finish(self) -> Iterator[Alert]:
        """Say that no event follows: what waited for a topic that was not there is judged."""
        for group, engine in self._engines.items():
            for topic in engine.missing_topics:
                engine.apply(Seal(group, topic, 0, 1, 0, ended=True), self._findings)
        yield from self._collect()

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values, between two calls of `feed`: what was learned, and what was said."""
        engines = {}
        for group, engine in self._engines.items():
            header, entries = engine.snapshot(full=True)
            engines[group] = {"header": header, "entries": entries}
        return {
            "aggregators": [[*place, each.snapshot()] for place, each in self._aggregators.items()],
            "engines": engines,
            "alerts": [alert.to_json(self.run) for alert in self._alerts.values()],
            "cases": list(self._cases.values()),
            "counts": {"buckets": self._buckets, "future": self.future, "dead": self.dead},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `snapshot`, with the same partitions. A monitor that counts or learns something else begins anew,
        as it does live.
        """
        for topic, partition, saved in state["aggregators"]:
            aggregator = self._aggregator((topic, partition))
            aggregator.restore(saved)
        for group, saved in state["engines"].items():
            if group in self._engines:
                self._engines[group].restore(saved["header"], saved["entries"])
        self._alerts = {alert["alert_id"]: from_json(alert) for alert in state["alerts"]}
        self._cases = {case["case_id"]: case | {"run": self.run} for case in state["cases"]}
        counts = state["counts"]
        self._buckets, self.future, self.dead = counts["buckets"], counts["future"], counts["dead"]

    def _aggregator(self, place: tuple[str, int]) -> Aggregator:
        aggregator = self._aggregators.get(place)
        if aggregator is None:
            of, lateness = self._partitions[place[0]], self._lateness_ms[place[0]]
            aggregator = self._aggregators[place] = Aggregator(self._plan, *place, of, lateness)
        return aggregator

    def _collect(self) -> Iterator[Alert]:
        findings, self._findings = self._findings, Findings()
        self._buckets += len(findings.judged)
        self._cases.update((case["case_id"], case) for case in findings.cases)
        for alert in findings.alerts:
            self._alerts[alert.alert_id] = alert
            yield alert

    def result(self, since_ms: int | None = None, until_ms: int | None = None) -> Result:
        """What came of it, for windows that start in [since_ms, until_ms)."""
        first = -(2**62) if since_ms is None else since_ms
        last = 2**62 if until_ms is None else until_ms
        alerts = [alert for alert in self._alerts.values() if first <= alert.window_start_ms < last]
        alerts.sort(key=lambda alert: (alert.window_start_ms, alert.monitor, alert.alert_id))
        kept = {alert.case_id for alert in alerts}
        cases = [case for case in self._cases.values() if case["case_id"] in kept]
        outcomes: Counter[str] = Counter()
        for aggregator in self._aggregators.values():
            outcomes.update(aggregator.outcomes)
        outcomes["dead"] = self.dead + self.future
        return Result(
            self.run,
            [alert.to_json(self.run) for alert in alerts],
            sorted(cases, key=lambda case: (case["started_at"], case["case_id"])),
            outcomes,
            self._buckets,
        )
