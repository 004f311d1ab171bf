"""Alerts explained by the engine: from several topics, in any order of arrival, through any restart."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.alert import Alert
from livewarden.contracts import PlatformChange
from livewarden.event import Event
from livewarden.times import HOUR_MS, MINUTE_MS
from models.aggregate.aggregator import Aggregator
from models.aggregate.partial import Message, Notice, Partial, Seal
from models.decide.engine import Engine, Findings, upgraded
from models.monitors.monitor import Monitor
from models.monitors.plan import CHANGES, Plan
from tests.core_fixtures import T0, TOPIC, action, beat, found, moment, monitor, sample

TRAFFIC = "live.traffic"
PARTITIONS = {TOPIC: 3, CHANGES: 2, TRAFFIC: 2}
MINUTES = 1_620
SPIKE = 1_500  # after the day that a series needs before it is judged
ASKED = monitor(
    name="by-policy",
    group_by=["market", "policy_id"],
    bucket="5m",
    min_volume=20,
    rearm_buckets=3,
    series=4,
    budget_per_day=10,
    subjects="shop_id",
    explain_by=["model_version", "reviewer_type", "queue_id"],
    exposure={"event": "traffic.sample", "measure": "sum(ccu)", "by": ["market"]},
)
WHOLES = monitor(name="wholes", bucket="15m", min_volume=20, series=2, budget_per_day=10, explain_by=["policy_id"])
SHOPS = monitor(name="shops", bucket="15m", measure="distinct(shop_id)", min_volume=9, explain_by=["reviewer_type"])
QUIET = monitor(name="quiet", detector="silence", bucket="5m", group_by=[], gap_after=2)
PLAN = Plan([ASKED, WHOLES, SHOPS, QUIET])


def change(id: str, minute: int, **fields: Any) -> Event:
    at = T0 + minute * MINUTE_MS
    body = {"change_id": id, "kind": "MODEL_RELEASE", "phase": "COMPLETED", "starts_at": moment(at)} | fields
    return Event(f"{id}-{minute}", "/ledger", at, PlatformChange.model_validate(body), CHANGES)


def stream(seed: int) -> dict[tuple[str, int], list[Message]]:
    """What each source partition says of 27 hours, with a model release after 25 that is rolled back an hour later,
    and a gap.
    """
    rng = random.Random(seed)
    stages = {(t, p): Aggregator(PLAN, t, p, of, 60_000) for t, of in PARTITIONS.items() for p in range(of)}
    said: dict[tuple[str, int], list[Message]] = {place: [] for place in stages}

    def tell(topic: str, place: int, event: Event) -> None:
        _, messages = stages[topic, place].add(replace(event, topic=topic, partition=place))
        said[topic, place] += messages

    ledger = [
        change("config", 200, kind="CONFIG", target="search"),
        change("policy", 300, kind="POLICY_ROLLOUT", target="p1", scope={"markets": ["DE"]}),
        change("release", SPIKE, target="m1", to_version="2", scope={"markets": ["DE"]}),
        change("release", SPIKE + 60, kind="ROLLBACK", target="m1", from_version="2", scope={"markets": ["DE"]}),
    ]
    for minute in range(MINUTES):
        start = T0 + minute * MINUTE_MS
        silent = 500 <= minute < 520
        for _ in range(0 if silent else rng.randrange(1, 7)):
            _act(tell, rng, start, rng.choice(["DE", "FR"]), rng.choice(["p1", "p2"]), "1")
        for _ in range(12 if SPIKE <= minute < SPIKE + 60 else 0):
            _act(tell, rng, start, "DE", "p1", "2")
        for place in range(PARTITIONS[TRAFFIC]):
            for market in ("DE", "FR"):
                ccu = rng.randrange(900, 1100)
                tell(TRAFFIC, place, sample(f"t{minute}-{place}-{market}", start, market, ccu=ccu))
        for event in ledger:
            if start <= event.time_ms < start + MINUTE_MS:
                tell(CHANGES, rng.randrange(PARTITIONS[CHANGES]), event)
        for topic, of in PARTITIONS.items():
            for place in range(of):
                if topic != TOPIC or not silent:
                    tell(topic, place, beat(start, start + MINUTE_MS, topic=topic, partition=place))
    return {place: [m for m in messages if m.group == TOPIC] for place, messages in said.items()}


def _act(tell: Any, rng: random.Random, start: int, market: str, policy: str, version: str) -> None:
    fields = {
        "policy_id": policy,
        "model_version": version,
        "reviewer_type": "AUTOMATED" if version == "2" else rng.choice(["AUTOMATED", "HUMAN"]),
        "queue_id": rng.choice(["q1", None]),
        "shop_id": f"s{rng.randrange(400)}",
    }
    event = action(f"e{rng.getrandbits(60)}", start + rng.randrange(MINUTE_MS), market, **fields)
    tell(TOPIC, rng.randrange(PARTITIONS[TOPIC]), event)


@cache
def said(seed: int) -> dict[tuple[str, int], list[Message]]:
    return stream(seed)


def merged(parts: dict[tuple[str, int], list[Message]], rng: random.Random) -> list[Message]:
    """One arrival order: each partition's own order kept, now one far ahead and now another."""
    left = [list(reversed(part)) for part in parts.values()]
    order: list[Message] = []
    while any(left):
        task = rng.choice([part for part in left if part])
        order += [task.pop() for _ in range(min(len(task), rng.choice([1, 3, 200, 2000])))]
    return order


def engine(awaited_topics: tuple[str, ...] = (CHANGES,)) -> Engine:
    return Engine(PLAN, TOPIC, awaited_topics=awaited_topics)


@cache
def whole() -> Findings:
    return found(engine(), merged(said(1), random.Random(0)))


def _of_leaves(key: str) -> bool:
    """Whether a state entry is one bucket of leaves, and not a series."""
    return any(isinstance(part, int) for part in orjson.loads(key))


def plain(findings: Findings) -> Any:
    notified = [alert.to_json("r") for alert in findings.alerts]
    return orjson.loads(orjson.dumps([[judged._asdict() for judged in findings.judged], notified, findings.cases]))


def newest(findings: Findings) -> dict[str, Alert]:
    return {alert.alert_id: alert for alert in findings.alerts}


def test_spike_is_explained_by_the_slice_and_the_change_that_names_it() -> None:
    (first,) = [a for a in whole().alerts if a.monitor == "by-policy" and a.version == 1 and a.suppressed_by is None]
    later = [a for a in whole().alerts if a.alert_id == first.alert_id]
    assert [alert.version for alert in later] == [1, 2, 3]
    assert [alert.status for alert in later] == ["firing", "firing", "resolved"]
    assert first.explanation is None
    notified = later[1].explanation
    assert notified is not None
    assert notified["slices"]["causes"][0]["slice"] == {"model_version": "2"}
    assert notified["slices"]["causes"][0]["words"].startswith("without model_version=2 the rise shrinks by ")
    assert abs(notified["exposure"]["relative"] - 1) < 0.1
    assert abs(notified["exposure"]["volume_share"]) < 0.1
    (named,) = [each for each in notified["changes"] if each["change_id"] == "release"]
    assert (named["relation"], named["timing"], named["supports"]) == ("named", "close", True)
    assert (notified["verdict"]["verdict"], notified["verdict"]["strength"]) == ("MODEL", "strong")
    over = later[2].explanation
    assert over is not None
    assert "ROLLBACK" in " ".join(over["verdict"]["for"])
    assert over["verdict"]["score"] > notified["verdict"]["score"]
    assert over["slices"] == notified["slices"]


def test_every_alert_that_is_told_is_explained_and_no_other_is() -> None:
    alerts = newest(whole()).values()
    assert {alert.kind for alert in alerts} >= {"ENFORCEMENT_SPIKE", "REPORTING_GAP"}
    assert {alert.suppressed_by is None for alert in alerts} == {True, False} or all(
        a.suppressed_by is None for a in alerts
    )
    for alert in alerts:
        assert (alert.explanation is None) == (alert.suppressed_by is not None)
    (gap,) = [alert for alert in alerts if alert.kind == "REPORTING_GAP"]
    assert gap.explanation is not None
    assert (gap.explanation["slices"], gap.explanation["verdict"]["verdict"]) == (None, "REPORTING_ARTEFACT")


def test_case_holds_the_explanation() -> None:
    last = {case["case_id"]: case for case in whole().cases}
    explained = [alert for case in last.values() for alert in case["evidence"]["alerts"]]
    assert explained
    assert all(alert["explanation"]["verdict"] for alert in explained)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_order_between_partitions_and_topics_changes_nothing(seed: int) -> None:
    assert plain(found(engine(), merged(said(1), random.Random(seed)))) == plain(whole())


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 2**32))
def test_order_changes_nothing_in_any_stream(seed: int) -> None:
    parts = stream(seed)
    one_by_one = found(engine(), [message for part in parts.values() for message in part])
    assert plain(found(engine(), merged(parts, random.Random(seed)))) == plain(one_by_one)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_kill_and_restore_at_any_point_changes_nothing(seed: int, kills: int) -> None:
    """Each owner goes on from the last save, which lies some messages back: what was said since is said again."""
    rng = random.Random(seed)
    order = merged(said(1), rng)
    notified: dict[tuple[str, int], Any] = {}
    stage, begin = engine(), 0
    entries: dict[str, str] = {}
    for number, cut in enumerate([*sorted(rng.sample(range(len(order)), kills)), len(order)]):
        saved = rng.randrange(begin, cut + 1)
        findings = found(stage, order[begin:saved])
        header, changed = stage.snapshot(full=number == 0)
        entries |= changed
        lost = found(stage, order[saved:cut])
        for alert in [*findings.alerts, *lost.alerts]:
            again = orjson.loads(orjson.dumps(alert.to_json("r")))
            assert notified.setdefault((alert.alert_id, alert.version), again) == again
        stage, begin = engine(), saved
        stage.restore(orjson.loads(orjson.dumps(header)), entries)
    for alert in found(stage, order[begin:]).alerts:
        notified[alert.alert_id, alert.version] = orjson.loads(orjson.dumps(alert.to_json("r")))
    uninterrupted = [orjson.loads(orjson.dumps(alert.to_json("r"))) for alert in whole().alerts]
    assert sorted(notified) == sorted((alert["alert_id"], alert["version"]) for alert in uninterrupted)
    assert all(notified[alert["alert_id"], alert["version"]] == alert for alert in uninterrupted)


def test_incremental_snapshots_hold_what_a_full_one_does() -> None:
    order = merged(said(1), random.Random(3))
    stage = engine()
    entries: dict[str, str] = {}
    for begin in range(0, len(order), 500):
        found(stage, order[begin : begin + 500])
        entries |= stage.snapshot(full=False)[1]
    full = stage.snapshot(full=True)[1]
    assert {key: blob for key, blob in entries.items() if blob != "null"} == full
    assert any(blob == "null" for blob in entries.values())
    leaves = [key for key in full if _of_leaves(key)]
    assert 100 < len(leaves) <= 450


def test_bucket_waits_for_the_ledger_once_it_was_heard_of() -> None:
    asked = monitor(bucket="5m")
    stage = Engine(Plan([asked]), TOPIC)
    size = asked.bucket
    partial = [
        Partial(TOPIC, TOPIC, 0, asked.name, asked.sums_hash, T0 + n * size, 0, ((("DE",), 1, 0, ""),))
        for n in range(4)
    ]

    def own(bucket: int) -> Seal:
        return Seal(TOPIC, TOPIC, 0, 1, T0 + bucket * size)

    def ledger(bucket: int, partition: int = 0, *, ended: bool = False) -> Seal:
        return Seal(TOPIC, CHANGES, partition, 2, T0 + bucket * size, ended)

    assert len(found(stage, [partial[0], own(1)]).judged) == 1  # nobody has seen a ledger
    assert not found(stage, [ledger(1), partial[1], own(2)]).judged  # one of its two partitions has not spoken
    assert not found(stage, [ledger(1, 1)]).judged
    assert len(found(stage, [ledger(2), ledger(2, 1)]).judged) == 1
    assert not found(stage, [partial[2], own(3)]).judged
    assert len(found(stage, [ledger(2, 0, ended=True), ledger(2, 1, ended=True)]).judged) == 1
    assert len(found(stage, [partial[3], own(4)]).judged) == 1  # a ledger that ended holds nothing up


def test_exposure_always_counts() -> None:
    stage = Engine(PLAN, TOPIC)
    rows = ((("DE", "p1"), 1, 0, ""),)
    found(stage, [Partial(TOPIC, TOPIC, 0, ASKED.name, ASKED.sums_hash, T0, 0, rows)])
    seal = Seal(TOPIC, TOPIC, 0, 1, T0 + ASKED.bucket)
    assert not found(stage, [seal]).judged
    assert len(found(stage, [replace(seal, topic=TRAFFIC)]).judged) == 1


def test_spike_while_nobody_watches_is_explained() -> None:
    """The traffic source is alive, and the market has no viewers at all: what was expected is divided by no zero."""
    stage = Engine(Plan([ASKED]), TOPIC)

    def say(bucket: int, actions: int, viewers: int) -> list[Message]:
        start = T0 + bucket * ASKED.bucket
        place = ASKED.name, ASKED.sums_hash, start, 0
        seen = tuple(((market,), 1000, 0, "") for market in ("DE", "FR")[: 2 if viewers else 1])
        return [
            Partial(TOPIC, TOPIC, 0, *place, ((("FR", "p1"), actions, 0, ""), (("DE", "p1"), 10, 0, ""))),
            Partial(TOPIC, TRAFFIC, 0, *place, seen, "exposure"),
            *(Seal(TOPIC, topic, 0, 1, start + ASKED.bucket) for topic in (TOPIC, TRAFFIC)),
        ]

    found(stage, [message for bucket in range(300) for message in say(bucket, 9 + bucket % 3, 1000)])
    notified = found(stage, [message for bucket in range(300, 303) for message in say(bucket, 80, 0)]).alerts
    (exposure,) = {alert.alert_id: alert.explanation["exposure"] for alert in notified if alert.explanation}.values()
    assert (exposure["observed"], exposure["relative"]) == (0, 0)
    assert exposure["more_traffic"] < 0 < exposure["higher_rate"]


def test_announcement_and_later_change_are_no_support() -> None:
    parts = dict(said(1))
    for place in range(PARTITIONS[CHANGES]):
        parts[CHANGES, place] = [
            replace(m, change=replace(m.change, phase="ANNOUNCED", kind="MODEL_RELEASE"))
            if isinstance(m, Notice)
            else m
            for m in parts[CHANGES, place]
        ]
    alerts = newest(found(engine(), merged(parts, random.Random(0)))).values()
    (notified,) = [a.explanation for a in alerts if a.monitor == "by-policy" and a.suppressed_by is None]
    assert notified is not None
    assert notified["changes"] == []
    assert notified["verdict"]["verdict"] == "MODEL"  # the slice alone says so, less strongly
    assert notified["verdict"]["score"] == 3


def test_change_loosens_the_series_that_it_names_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = monitor(group_by=["market", "policy_id"])
    stage = Engine(Plan([asked]), TOPIC, awaited_topics=(CHANGES,))
    labels = [{"market": m, "policy_id": p} for m in ("DE", "FR") for p in ("p1", "p2")]
    touched: list[list[dict[str, str]]] = []
    (watch,) = stage._watches.values()
    monkeypatch.setattr(watch, "widen", lambda touches: touched.append([each for each in labels if touches(each)]))
    policy = change("policy", 3, kind="POLICY_ROLLOUT", target="p1", scope={"markets": ["DE"]})
    ledger = Aggregator(Plan([asked]), CHANGES, 0, 1, 0)
    _, messages = ledger.add(policy)
    (notice,) = [m for m in messages if isinstance(m, Notice)]
    own = Seal(TOPIC, TOPIC, 0, 1, T0 + HOUR_MS)
    found(stage, [notice, own])
    assert touched == []
    found(stage, [Seal(TOPIC, CHANGES, 0, 1, T0 + HOUR_MS), notice, notice])
    assert touched == [[{"market": "DE", "policy_id": "p1"}]]


def test_snapshot_of_before_there_were_explanations_is_read() -> None:
    order = merged(said(1), random.Random(0))
    stage, again = engine(), engine()
    found(stage, order[: len(order) * 7 // 8])
    header, entries = stage.snapshot(full=True)
    old = {key: header[key] for key in ("watermark", "repeated", "seals", "ended", "cases", "watches")}
    series = {key: blob for key, blob in entries.items() if not _of_leaves(key)}
    again.restore(upgraded(orjson.loads(orjson.dumps(old))), series)
    both = [found(each, order[len(order) * 7 // 8 :]).judged for each in (stage, again)]
    judged = [
        [each for each in judged if each.monitor != ASKED.name] for judged in both
    ]  # its usual exposure is learned anew
    assert len(both[0]) == len(both[1])
    assert series
    assert judged[0] == judged[1] != []


def test_leaves_counted_by_other_dimensions_are_left_out() -> None:
    order = merged(said(1), random.Random(0))
    stage = engine()
    found(stage, order[: len(order) * 7 // 8])
    header, entries = stage.snapshot(full=True)
    other = Engine(
        Plan(
            [
                Monitor.model_validate(ASKED.model_dump() | {"bucket": "5m", "explain_by": ["action_type"]}),
                WHOLES,
                SHOPS,
                QUIET,
            ]
        ),
        TOPIC,
    )
    other.restore(orjson.loads(orjson.dumps(header)), entries)
    kept = [(orjson.loads(key)[0], _of_leaves(key)) for key in other.snapshot(full=True)[1]]
    assert ("by-policy", True) not in kept
    assert ("by-policy", False) in kept
    assert ("wholes", True) in kept
