"""The detect stage: merges partials, judges complete buckets in event time, explains, and files what comes of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from livewarden.alert import Alert
from models.aggregate.change import Change, change_from, change_row
from models.aggregate.leaf import Leaves
from models.aggregate.partial import Message, Notice, Partial, Seal
from models.decide.alert import SHADOW
from models.decide.candidates import Casebook
from models.decide.judged import Judged
from models.decide.monitor_judge import MonitorJudge
from models.detect.series_index import Point
from models.explain.investigator import Investigator
from models.explain.ledger import Ledger, anchors
from models.monitors.change import what_begins_anew
from models.monitors.plan import Plan, SeriesKey


@dataclass(slots=True)
class Findings:
    """What the engine has to say; cases as JSON-ready dictionaries."""

    judged: list[Judged] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)


class Engine:
    """Judges the monitors of one group. Pure: what it says depends on the partials, changes and seals alone.

    A bucket is judged once every source partition has sealed it, whatever order that takes: those of its monitors'
    topic, of the topics of their exposures, of `awaited_topics`, and of the change ledger's once that has spoken (a
    recording may have none). A topic that is only listened to and has ended holds nothing up. Buckets are judged in
    order of their end, then monitor, then series, with all changes before their end known. A bucket in which nothing at
    all came is a gap, and is not judged. Repeated messages change nothing; partials of a bucket already judged are
    counted in `repeated` and dropped. A bucket of which a worker with another configuration of the monitor counted a
    part is not judged: half of it would look like a fall.

    An alert that is notified goes out as it is; its explanation follows at once as the next version, made of what the
    engine knows at the end of the alert's bucket, so it does not depend on the order of arrival either. When the alert
    is over, the verdict is judged again with the end.
    """

    def __init__(self, plan: Plan, group: str, run: str = "live", awaited_topics: Collection[str] = ()) -> None:
        self.group = group
        self._run = run
        self._monitors = {monitor.name: monitor for monitor in plan.in_group(group)}
        ledger = Ledger()
        leaves = {name: Leaves(monitor) for name, monitor in sorted(self._monitors.items())}
        self._watches = {
            name: MonitorJudge(monitor, leaves[name], ledger) for name, monitor in sorted(self._monitors.items())
        }
        self._investigator = Investigator(self._watches, leaves, ledger)
        self._sources = [watch.source for watch in self._watches.values() if watch.source is not None]
        self._own = {monitor.topic for monitor in self._monitors.values()}
        exposed = {monitor.exposure_topic for monitor in self._monitors.values()}
        self._awaited: set[str] = self._own | {topic for topic in exposed if topic} | set(awaited_topics)
        self._seals: dict[tuple[str, int], Seal] = {}
        self._ended_ms: dict[int, int] = {}
        self._coming: set[Change] = set()
        self._cases = Casebook(group, self._monitors, self._points)
        self.watermark_ms: int | None = None
        self.repeated = 0

    def apply(self, message: Message, findings: Findings) -> None:
        """Take one partial, change or seal; what follows from it is appended to `findings`."""
        if isinstance(message, Seal):
            self._seal(message, findings)
        elif isinstance(message, Notice):
            self._notice(message.change)
        elif message.monitor in self._watches:
            self._take(self._watches[message.monitor], message)

    @property
    def open_buckets(self) -> int:
        """How many buckets wait for a seal."""
        return sum(len(watch.open) for watch in self._watches.values())

    @property
    def missing_topics(self) -> list[str]:
        """The topics it waits for and has not seen, those of its own monitors left out."""
        return sorted(self._awaited - self._own - {topic for topic, _ in self._seals})

    def _take(self, watch: MonitorJudge, partial: Partial) -> None:
        sealed = self._seals.get((partial.topic, partial.partition))
        if sealed is not None and partial.start_ms + watch.monitor.bucket <= sealed.watermark_ms:
            self.repeated += 1
        elif partial.role == "leaves":
            self._investigator.take(partial)
        elif partial.role == "exposure":
            if watch.beside is not None:
                watch.beside.take(partial)
        else:
            watch.take(partial)

    def _notice(self, change: Change) -> None:
        """A change of a time that is judged already was said before, or before the ledger's topic was seen:
        it is kept all the same.
        """
        if self.watermark_ms is not None and change.at_ms < self.watermark_ms:
            self._investigator.learn(change)
        else:
            self._coming.add(change)

    def _seal(self, seal: Seal, findings: Findings) -> None:
        place = seal.topic, seal.partition
        old = self._seals.get(place)
        if old is not None and (seal.watermark_ms < old.watermark_ms or seal == old):
            return
        self._seals[place] = seal
        if seal.topic in self._own:
            if seal.ended:
                self._ended_ms.setdefault(seal.partition, seal.watermark_ms)
            else:
                self._ended_ms.pop(seal.partition, None)
        heard: dict[str, list[Seal]] = {}
        for each in self._seals.values():
            heard.setdefault(each.topic, []).append(each)
        if heard.keys() >= self._awaited and all(len(seals) >= seals[0].of for seals in heard.values()):
            holding = [each for each in self._seals.values() if each.topic in self._own or not each.ended]
            self._advance(min((each.watermark_ms for each in holding), default=seal.watermark_ms), findings)

    def _advance(self, watermark_ms: int, findings: Findings) -> None:
        if self.watermark_ms is not None and watermark_ms <= self.watermark_ms:
            return
        self.watermark_ms = watermark_ms
        heard_until = watermark_ms
        if self._ended_ms and len(self._ended_ms) == sum(topic in self._own for topic, _ in self._seals):
            heard_until = min(watermark_ms, max(self._ended_ms.values()))
        due: list[tuple[int, str, int, bool]] = []
        for name, watch in self._watches.items():
            self._weigh(watch, watermark_ms)
            due += [(start + watch.monitor.bucket, name, start, True) for start in watch.due(watermark_ms)]
            if watch.source is not None:
                gaps = watch.source.gaps(watch.due(watermark_ms), watch.judged_until, heard_until)
                due += [(end, name, start, False) for start, end in gaps]
        end = None
        for until, name, start, alive in sorted(due):
            if until != end:
                self._file(findings, end)
                self._cases.expire(until)
                self._learn_changes(until)
            end = until
            watch = self._watches[name]
            alerts = self._look(watch, start, findings.judged) if alive else []
            if not alive and watch.source is not None:
                alerts = watch.source.fall_silent(start, until)
            for alert in alerts:
                findings.alerts.append(self._notified(alert, until))
        for source in self._sources:
            source.judged(watermark_ms)
        self._file(findings, end)
        self._cases.expire(watermark_ms)
        self._learn_changes(watermark_ms)

    def _weigh(self, watch: MonitorJudge, watermark_ms: int) -> None:
        """See how much a source sent in the buckets that are complete, by what the monitors beside it counted of it."""
        source = watch.source
        if source is None:
            return
        beside = [each for each in self._watches.values() if source.counted_by(each.monitor)]
        for start in watch.due(watermark_ms):
            if not any(start in each.foreign for each in (watch, *beside)):
                counted = [each.volume(start) for each in beside]
                source.weigh(start, sum(total for total, _ in counted), sum(series for _, series in counted))

    def _look(self, watch: MonitorJudge, start: int, judged: list[Judged]) -> list[Alert]:
        """Judge a bucket, unless next to nothing came from its source."""
        source = watch.source
        self._investigator.close(watch.monitor.name, start, after_gap=source is not None and source.gap is not None)
        if watch.beside is not None:
            watch.beside.close(start)
        if any(each.trickles(watch.monitor, start) for each in self._sources):
            watch.pass_over(start, judged)
            return []
        return watch.judge(start, judged)

    def _learn_changes(self, until_ms: int) -> None:
        """Take the changes before that moment into the ledger; the series that they touch are to expect another
        level.
        """
        for change in sorted(change for change in self._coming if change.at_ms < until_ms):
            self._coming.discard(change)
            if self._investigator.learn(change) and change.effective:
                for watch in self._watches.values():
                    source = {"event": watch.monitor.event, "topic": watch.monitor.topic}
                    watch.widen(lambda labels, change=change, source=source: anchors(change, {**source, **labels}))  # type: ignore[misc]

    def _notified(self, alert: Alert, until_ms: int) -> Alert:
        """The alert as it goes out: with its case, and, if it was explained before, behind that version."""
        alert = self._investigator.follow(alert, until_ms)
        if alert.kind == "CARDINALITY":  # it is about the watching, not about what is watched: no case, no slice
            return alert
        taken = self._cases.take(alert)
        if taken.version == 1 and taken.suppressed_by in (None, SHADOW):
            self._investigator.ask(taken)
        return taken

    def _file(self, findings: Findings, now_ms: int | None) -> None:
        if now_ms is not None:
            findings.alerts += map(self._cases.take, self._investigator.explanations(now_ms))
        findings.cases += [candidate.to_json(self._run, self._monitors) for candidate in self._cases.changed()]

    def _points(self, monitor: str, labels: Mapping[str, str]) -> list[Point]:
        return self._watches[monitor].points(labels)

    def mend(self, until_ms: Mapping[str, int]) -> bool:
        """Take seals back that stand after `until_ms` of their topic, in the future; whether there were any.

        Later buckets are judged when they come; what was learned of them, and what was said, stays.
        """
        ahead = [(place, seal) for place, seal in self._seals.items() if seal.watermark_ms > until_ms[seal.topic]]
        self._seals |= {place: replace(seal, watermark_ms=until_ms[seal.topic]) for place, seal in ahead}
        if not ahead:
            return False
        self._ended_ms = {n: min(ended, *until_ms.values()) for n, ended in self._ended_ms.items()}
        complete = min(seal.watermark_ms for seal in self._seals.values())
        self.watermark_ms = min(complete, self.watermark_ms or complete)
        for watch in self._watches.values():
            watch.mend(complete)
        self._investigator.mend(complete)
        self._cases.mend(complete)
        return True

    def snapshot(self, *, full: bool) -> tuple[dict[str, Any], dict[str, str]]:
        """Header and entries (JSON by series, or by bucket of leaves): all where `full`, else those new since the last
        snapshot.

        A series that was forgotten, and a bucket that is not needed any more, is an entry "null".
        """
        header = {
            "watermark": self.watermark_ms,
            "repeated": self.repeated,
            "seals": [[s.partition, s.of, s.watermark_ms, s.ended, s.topic] for s in self._seals.values()],
            "ended": list(self._ended_ms.items()),
            "cases": self._cases.snapshot(),
            "watches": {name: watch.snapshot() for name, watch in self._watches.items()},
            "exposures": {
                name: watch.beside.snapshot() for name, watch in self._watches.items() if watch.beside is not None
            },
            "coming": [change_row(change) for change in sorted(self._coming)],
            **self._investigator.snapshot(),
        }
        entries = {
            json.dumps([name, *key]): blob
            for name, watch in self._watches.items()
            for key, blob in watch.entries(full=full)
        }
        entries |= {
            json.dumps([name, start]): blob
            for name, leaves in self._investigator.leaves.items()
            for start, blob in leaves.entries(full=full)
        }
        return header, entries

    @property
    def kept(self) -> int:
        """How many entries a whole snapshot has."""
        return sum(watch.kept for watch in self._watches.values()) + sum(
            each.kept for each in self._investigator.leaves.values()
        )

    def restore(self, header: dict[str, Any], entries: Mapping[str, str]) -> None:
        """Go on from `snapshot`. What a monitor had learned, or summed, is dropped where its configuration asks for
        something else (`what_begins_anew`), and so are the open candidates of its alerts.
        """
        self.watermark_ms = header["watermark"]
        self.repeated = header["repeated"]
        for partition, of, mark, ended, topic in header["seals"]:
            self._seals[topic, partition] = Seal(self.group, topic, partition, of, mark, ended)
        self._ended_ms = dict(header["ended"])
        counted, kept = self._restore_watches(header)
        self._cases.restore(header["cases"], kept)
        self._coming = {change_from(row) for row in header["coming"]}
        self._investigator.restore(header, counted, kept)
        series: dict[str, list[tuple[SeriesKey, str]]] = {}
        for entry, blob in entries.items():
            name, *key = json.loads(entry)
            if key and isinstance(key[0], int):
                if name in counted:
                    self._investigator.leaves[name].restore_entry(key[0], blob)
            else:
                series.setdefault(name, []).append((tuple(key), blob))
        for name, watch in kept.items():
            watch.restore_entries(series.get(name, ()))

    def _restore_watches(self, header: dict[str, Any]) -> tuple[Collection[str], dict[str, MonitorJudge]]:
        """Names of the monitors whose sums go on, and those of which all does."""
        states = header["watches"]
        begun = {name: what_begins_anew(watch.monitor, states.get(name)) for name, watch in self._watches.items()}
        counted = {name: watch for name, watch in self._watches.items() if begun[name] in (None, "model")}
        kept = {name: watch for name, watch in counted.items() if begun[name] is None}
        for name, watch in self._watches.items():
            if begun[name] == "sums":
                watch.skip_open(states[name])
        for name, watch in counted.items():
            watch.restore_sums(states[name])
            if watch.beside is not None and name in header["exposures"]:
                watch.beside.restore(header["exposures"][name])
        for name, watch in kept.items():
            watch.restore(states[name])
        return counted.keys(), kept


def upgraded(header: dict[str, Any]) -> dict[str, Any]:
    """A header of before explanations, exposures, a cap on series, shapes and volumes, as one of now: these are
    empty.
    """
    since: dict[str, Any] = {
        "leaves": {},
        "exposures": {},
        "ledger": [],
        "coming": [],
        "explained": [],
        "gap_over": None,
    }
    watches = {
        name: {"crowd": [None, 0], "shape": [{}, {}], "source": None} | state
        for name, state in header["watches"].items()
    }
    return since | header | {"watches": watches}
