"""One monitor at work: open buckets by source partition, its series, and how far it has judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from livewarden.alert import Alert
from livewarden.times import DAY_MS, HOUR_MS
from models.aggregate.distinct import count_distinct
from models.aggregate.leaf import Leaves
from models.aggregate.partial import Partial, Row
from models.decide.cardinality import CROWDED_MS, Crowd, Sums
from models.decide.decision import CATCHING_UP, Decision
from models.decide.declared import Declared
from models.decide.judged import TRICKLE, Judged, skipped, worth_storing
from models.decide.observation import Observation
from models.decide.source import SourceState
from models.detect.bank import Floats, Judgements, Rows
from models.detect.breadth import Breadth
from models.detect.exposure import Exposures
from models.detect.registry import new_bank
from models.detect.series_index import Point, SeriesIndex
from models.detect.volume import LEAST_SERIES
from models.explain.ledger import Ledger, campaign
from models.monitors.monitor import LOWEST_THRESHOLD, Monitor
from models.monitors.plan import SeriesKey

FORGET_DAYS = 14
"""A series without an event for this many days (or 60 buckets, if longer), gaps not counted, is dropped;
it may come back.
"""
FORGET_ABSENT_MS = 2 * HOUR_MS
"""The same where absence is no zero, as of LIVE rooms, which come and go."""
CATCH_UP_BUCKETS = 2
"""After a gap, at least this many buckets may hold what piled up: a rise in them is stored, not notified."""
CATCH_UP_MS = HOUR_MS
"""… or a quarter of the gap, up to this long, where that is more."""
CAMPAIGN_LIFT = 3.0
"""Beyond this ratio to the usual a planned campaign is no excuse."""


class MonitorJudge:
    """Merges what the source partitions say of a monitor's buckets, and judges every series of a complete one.

    In a bucket in which the source was alive, a known series without an event is a zero; a bucket of which nothing came
    is not judged, and what comes right after it may be what piled up.
    """

    def __init__(self, monitor: Monitor, leaves: Leaves | None = None, ledger: Ledger | None = None) -> None:
        self.monitor = monitor
        self._ledger = Ledger() if ledger is None else ledger
        self.open: dict[int, dict[int, dict[int, tuple[Row, ...]]]] = {}
        self.bank = new_bank(monitor)
        self.series_index = SeriesIndex(monitor.group_by, self.bank)
        self.decisions: dict[SeriesKey, Decision] = {}
        self.judged_until: int | None = None
        self.buckets = 0
        self.source = SourceState(monitor) if monitor.detector == "silence" else None
        self.exposure = Exposures(monitor) if monitor.exposure else None
        self.breadth = Breadth(monitor, leaves or Leaves(monitor)) if monitor.parts else None
        self.foreign: set[int] = set()
        self.crowd = Crowd(monitor)
        self._catch_up = 0
        self._judged = False
        self._forgotten: set[SeriesKey] = set()

    def take(self, partial: Partial) -> None:
        """Keep a partial; the same one again replaces itself."""
        if partial.sums_hash != self.monitor.sums_hash:
            self.foreign.add(partial.start_ms)
            return
        self.open.setdefault(partial.start_ms, {}).setdefault(partial.partition, {})[partial.chunk] = partial.rows

    def due(self, watermark_ms: int) -> list[int]:
        """The starts of the buckets that are complete, in order."""
        waiting = self.open.keys() | self.foreign
        return sorted(start for start in waiting if start + self.monitor.bucket <= watermark_ms)

    def volume(self, start: int) -> tuple[int, int]:
        """What was counted in an open bucket over all series, and how many these are, as far as that matters."""
        chunks = [rows for part in self.open.get(start, {}).values() for rows in part.values()]
        series: set[SeriesKey] = set()
        for rows in chunks:
            series.update(row[0] for row in rows[:LEAST_SERIES])
        return sum(row[1] for rows in chunks for row in rows), len(series)

    def pass_over(self, start: int, judged: list[Judged]) -> None:
        """Next to nothing came in that bucket: it is as if nothing had, and that is said of it."""
        self.open.pop(start, None)
        self.foreign.discard(start)
        if self.source is None:
            judged.append(skipped(self.monitor, start, TRICKLE))

    def judge(self, start: int, judged: list[Judged]) -> list[Alert]:
        """Judge the complete bucket that starts there; appends to `judged` what is worth storing."""
        monitor, series_index = self.monitor, self.series_index
        merged = self._merged(start)
        silence = 0 if self.judged_until is None else start - self.judged_until
        self.judged_until = start + monitor.bucket
        foreign, self.foreign = self.foreign, {other for other in self.foreign if other > start}
        if self.source is not None:
            return self.source.heard(start)
        alerts: list[Alert] = []
        if start in foreign:
            judged.append(skipped(monitor, start))
            return alerts
        if len(series_index) + len(merged) > monitor.max_series and len(series_index.missing(merged)) > self._room():
            self._forget(start, min(CROWDED_MS, self._kept_for()), merged)
        everything, merged = merged, self.crowd.fold(merged, series_index.position)
        alerts += self.crowd.tell(start, everything, merged)
        series_index.admit(series_index.missing(merged), self.buckets if monitor.absent == "zero" else 0)
        if silence:
            self._after_gap(silence)
        self.buckets += 1
        here = np.array([series_index.position[key] for key in merged], dtype=np.intp)
        series_index.see(here, start)
        self._forget(start, self._kept_for())
        if series_index.keys:
            alerts += self._judge(start, merged, judged)
        self._catch_up = max(0, self._catch_up - 1)
        self._judged = True
        return alerts

    def _judge(self, start: int, merged: Mapping[SeriesKey, Sums], judged: list[Judged]) -> list[Alert]:
        monitor, series_index, bank = self.monitor, self.series_index, self.bank
        observed, parents, subjects = self._measure(merged)
        asked = np.flatnonzero(~np.isnan(observed)).astype(np.intp)
        rows, values = series_index.rows[asked], observed[asked]
        relative = self._relative()
        given = None if relative is None else relative[asked]
        found = bank.judge(rows, values, start, given)
        expected, score = np.round(found.expected, 4), np.round(found.score, 3)
        states, alerts = self._decide(start, asked, values, found, subjects)
        self._learn(asked, observed, start, relative, parents, alerts)
        series_index.remember(asked, start, values, expected, score)
        each = zip(values.tolist(), expected.tolist(), score.tolist(), states, asked.tolist(), strict=True)
        judged += worth_storing(monitor, start, series_index.labels, each)
        return alerts

    def _learn(
        self, asked: Rows, observed: Floats, start: int, relative: Floats | None, parents: Floats, alerts: list[Alert]
    ) -> None:
        """Teach the models what was judged, but for what is never to be learned."""
        series_index, bank, labels = self.series_index, self.bank, self.series_index.labels
        never = [each for each in self.monitor.never_learn if each.holds(start)]
        if never:
            asked = asked[[not any(each.names(labels[at]) for each in never) for at in asked.tolist()]]
            parents = np.full(len(parents), np.nan)
            alerts = [alert for alert in alerts if not any(each.names(alert.series) for each in never)]
        changed = [alert.series for alert in alerts if alert.kind == "REGIME_CHANGE"]
        if changed:
            keys = [tuple(series[name] for name in self.monitor.group_by) for series in changed]
            bank.reanchor(np.array([series_index.rows[series_index.position[key]] for key in keys], dtype=np.intp))
        given = None if relative is None else relative[asked]
        bank.learn(series_index.rows[asked], observed[asked], start, given)
        sums = np.flatnonzero(~np.isnan(parents))
        lent = None if relative is None else series_index.family_means(relative)[sums]
        bank.learn(series_index.parent_rows[sums], parents[sums], start, lent)

    def _decide(
        self, start: int, asked: Rows, values: Floats, found: Judgements, subjects: Mapping[int, int]
    ) -> tuple[list[str], list[Alert]]:
        """A state for every series asked about; only those that are anomalous, or have something open,
        are looked at one by one.
        """
        monitor, series_index, labels = self.monitor, self.series_index, self.series_index.labels
        states: list[str] = ["normal" if ready else "insufficient" for ready in found.ready.tolist()]
        faults = self.bank.faults
        if faults:
            given_up = {index: faults.get(int(series_index.rows[at])) for index, at in enumerate(asked.tolist())}
            states = [f"failed: {why}" if (why := given_up[index]) else state for index, state in enumerate(states)]
        near = np.flatnonzero(found.ready & (found.score >= LOWEST_THRESHOLD)).tolist()
        declared = Declared(monitor, self._ledger, labels, start)
        calls = {at: declared.threshold(labels[asked[at]]) for at in near}
        anomalous = {index for index in near if found.score[index] >= calls[index]}
        if self.decisions:
            at = {int(position): index for index, position in enumerate(asked)}
            anomalous |= {at[series_index.position[key]] for key in self.decisions if series_index.position[key] in at}
        alerts: list[Alert] = []
        for index in sorted(anomalous):
            position = int(asked[index])
            key = series_index.keys[position]
            decision = self.decisions.get(key) or Decision()
            judgement = found.one(index)
            counted, threshold = subjects.get(position), calls.get(index)
            seen = Observation(monitor, labels[position], start, float(values[index]), judgement, counted, threshold)
            states[index], decided = decision.decide(seen, self._excuse(key, seen))
            alerts += decided
            if decision.idle:
                self.decisions.pop(key, None)
            else:
                self.decisions[key] = decision
        return states, alerts

    def _excuse(self, key: SeriesKey, seen: Observation) -> str | None:
        """Why what is anomalous in a bucket is not worth a notification; None where nothing is known that says so."""
        if self._catch_up:
            return CATCHING_UP
        monitor, judgement, start = self.monitor, seen.judgement, seen.start_ms
        if judgement.score < seen.threshold:
            return None
        if self.breadth is not None and judgement.direction == "DOWN":
            narrow = self.breadth.narrow(key, start, judgement.scan_buckets)
            if narrow is not None:
                return narrow
        high, low = sorted((judgement.scan_observed, judgement.scan_expected), reverse=True)
        if monitor.measured[0] in ("ratio", "distinct") or high > CAMPAIGN_LIFT * low:
            return None
        return campaign(self._ledger, seen.series, start, judgement.direction)

    @property
    def beside(self) -> Exposures | Breadth | None:
        """What takes the partials of other events."""
        return self.exposure or self.breadth

    def _relative(self) -> Floats | None:
        """By position: what the series' values are out of, relative to its usual;
        None where the monitor asks for none.
        """
        if self.exposure is None:
            return None
        return np.array([self.exposure.relative(key) for key in self.series_index.keys])

    def _after_gap(self, silence_ms: int) -> None:
        """Windows begin anew, what piled up is no spike, and time in which nobody could speak makes nobody
        forgotten.
        """
        self.bank.forget_recent(np.concatenate([self.series_index.rows, self.series_index.parent_rows]))
        self.series_index.postpone(silence_ms)
        self._catch_up = max(CATCH_UP_BUCKETS, min(silence_ms // 4, CATCH_UP_MS) // self.monitor.bucket)

    def _room(self) -> int:
        return self.monitor.max_series - len(self.series_index)

    def _kept_for(self) -> int:
        return FORGET_DAYS * DAY_MS if self.monitor.absent == "zero" else FORGET_ABSENT_MS

    def _forget(self, start: int, kept_for_ms: int, here: Container[SeriesKey] = ()) -> None:
        horizon = start - max(kept_for_ms, 60 * self.monitor.bucket)
        firing = {key for key, decision in self.decisions.items() if decision.firing}
        gone = [key for key in self.series_index.unseen_since(horizon) if key not in firing and key not in here]
        for key in gone:
            self.decisions.pop(key, None)
        self._forgotten.update(self.series_index.forget(gone))

    def known(self) -> list[SeriesKey]:
        """The series that are judged now, in order."""
        return self.series_index.keys

    def points(self, labels: Mapping[str, str]) -> list[Point]:
        """The last judged buckets of a series."""
        return self.series_index.points(tuple(labels[name] for name in self.monitor.group_by))

    def widen(self, touches: Callable[[Mapping[str, str]], bool]) -> None:
        """Something was changed on the platform: the series that it touches learn a new level fast."""
        rows = [
            int(row)
            for row, labels in zip(self.series_index.rows, self.series_index.labels, strict=True)
            if touches(labels)
        ]
        self.bank.widen(np.array(rows, dtype=np.intp))
        self._judged = self._judged or bool(rows)

    def _merged(self, start: int) -> dict[SeriesKey, Sums]:
        """The bucket's exact sums over all source partitions."""
        total: dict[SeriesKey, Sums] = {}
        for _, chunks in sorted(self.open.pop(start, {}).items()):
            for _, rows in sorted(chunks.items()):
                for key, value, exposure, sketch in rows:
                    old = total.get(key)
                    if old is None:
                        total[key] = value, exposure, [sketch] if sketch else []
                    else:
                        total[key] = old[0] + value, old[1] + exposure, [*old[2], sketch] if sketch else old[2]
        return total

    def _measure(self, merged: Mapping[SeriesKey, Sums]) -> tuple[Floats, Floats, dict[int, int]]:
        """By position: the series' values (NaN: too thin to judge), and distinct subjects where counted;
        the parents' values.
        """
        series_index, kind = self.series_index, self.monitor.measured[0]
        absent = 0.0 if self.monitor.absent == "zero" else np.nan
        values, exposures = np.full(len(series_index), absent), np.zeros(len(series_index))
        subjects: dict[int, int] = {}
        for key, (value, exposure, sketches) in merged.items():
            position = series_index.position[key]
            values[position], exposures[position] = value, exposure
            if sketches:
                subjects[position] = count_distinct(sketches)
        if kind == "distinct":
            values[list(subjects)] = list(subjects.values())
        parents = series_index.family_sums(np.nan_to_num(values))
        if kind == "ratio":
            least = max(1.0, self.monitor.min_volume)
            values = _ratio(values, exposures, least)
            parents = _ratio(parents, series_index.family_sums(exposures), least)
        return values, parents, subjects

    def snapshot(self) -> dict[str, Any]:
        """All state but the series, as plain JSON values."""
        return {
            "config": self.monitor.config_hash,
            "shape": [self.monitor.sums_shape, self.monitor.model_shape],
            "until": self.judged_until,
            "buckets": self.buckets,
            "catch_up": self._catch_up,
            "gap": asdict(self.source.gap) if self.source and self.source.gap else None,
            "source": self.source.snapshot() if self.source else None,
            "crowd": self.crowd.snapshot(),
            "foreign": sorted(self.foreign),
            "series": self.series_index.header(),
            "open": [
                [start, partition, chunk, rows]
                for start, parts in self.open.items()
                for partition, chunks in parts.items()
                for chunk, rows in chunks.items()
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot`, of a monitor that sums and learns the same."""
        self.buckets, self._catch_up = state["buckets"], state["catch_up"]
        source, gap = state["source"], state["gap"]
        if self.source is not None:
            self.source.restore(source, Alert(**gap) if gap else None)
        self.crowd.restore(state["crowd"])
        self.series_index.restore_header(state["series"])

    def restore_sums(self, state: dict[str, Any]) -> None:
        """Take the open buckets of `snapshot` back, of a monitor that sums the same; what it learned may be another
        thing.
        """
        self.judged_until = state["until"]
        self.foreign = set(state["foreign"])
        for start, partition, chunk, rows in state["open"]:
            cut = tuple((tuple(key), value, exposure, sketch) for key, value, exposure, sketch in rows)
            self.open.setdefault(start, {}).setdefault(partition, {})[chunk] = cut

    def skip_open(self, state: dict[str, Any]) -> None:
        """The monitor sums something else now: the open buckets of `snapshot` are skipped, and that is said of each."""
        self.foreign = {*state["foreign"], *(start for start, *_ in state["open"])}

    def mend(self, until_ms: int) -> None:
        """Forget what is from `until_ms` on; see `Engine.mend`."""
        bucket = self.monitor.bucket
        if self.judged_until is not None:
            self.judged_until = min(self.judged_until, until_ms - until_ms % bucket)
        self.open = {start: parts for start, parts in self.open.items() if start < until_ms}
        self.foreign = {start for start in self.foreign if start < until_ms}
        self.series_index.not_after(until_ms)
        if self.beside is not None:
            self.beside.mend(until_ms)
        if self.source is not None:
            self.source.mend(until_ms)

    def entries(self, *, full: bool) -> Iterator[tuple[SeriesKey, str]]:
        """Series as JSON: all where `full` or a bucket was judged since the last call; "null" for one that was
        forgotten.

        A parent is an entry too; its key is shorter by one.
        """
        keys: set[SeriesKey] = set() if full else set(self._forgotten)
        if full or self._judged:
            keys.update(self.series_index.keys, self.series_index.parents)
        self._forgotten, self._judged = set(), False
        for key in sorted(keys):
            state = self.series_index.snapshot(key)
            if state is not None and key in self.decisions:
                state["decision"] = self.decisions[key].snapshot()
            yield key, json.dumps(state, separators=(",", ":"))

    @property
    def kept(self) -> int:
        """How many entries there are that were not forgotten."""
        return len(self.series_index.keys) + len(self.series_index.parents)

    def restore_entries(self, blobs: Iterable[tuple[SeriesKey, str]]) -> None:
        """Take series back."""
        states = {key: state for key, blob in blobs if (state := json.loads(blob)) is not None}
        self.series_index.restore(states)
        for key, state in states.items():
            if "decision" in state:
                self.decisions[key] = Decision()
                self.decisions[key].restore(state["decision"])


def _ratio(values: Floats, exposures: Floats, least: float) -> Floats:
    """Values out of exposures; NaN where the exposure is too small to tell."""
    ratio: Floats = np.full(len(values), np.nan)
    np.divide(values, exposures, out=ratio, where=exposures >= least)
    return ratio
