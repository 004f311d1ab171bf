from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livewarden.contracts import (
    AppealLifecycle,
    Contract,
    EnforcementAction,
    EnforcementReversed,
    MerchantTicket,
    PlatformChange,
    RoomLifecycle,
    SourceHeartbeat,
    TrafficQuality,
    TrafficSample,
)
from livewarden.event import Event
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, parse_ms, to_ms
from sources.codec import from_line, to_line
from sources.simulate import SOURCE, Incident, Scenario, scenario_evening, simulate, truth, truth_json
from sources.simulate.heartbeats import TOPICS
from sources.simulate.market import MARKETS
from sources.simulate.noise import frailty, generator, log_drift, zipf_ranks

SHORT = Scenario(seed=11, hours=3)
EVENING = scenario_evening()


@pytest.fixture(scope="session")
def short() -> list[Event]:
    return list(simulate(SHORT))


@pytest.fixture(scope="session")
def evening() -> list[Event]:
    return list(simulate(EVENING))


@dataclass(frozen=True)
class View:
    """What shows an incident: events of a type, those of the slice, and the number that moves over its exposure."""

    contract: type[Contract]
    inside: Callable[[Contract], bool]
    value: Callable[[Contract], float]
    exposure: Callable[[Contract], float] | None = None

    def level(self, events: list[Event], start_ms: int, end_ms: int) -> float:
        """The value per minute, or per exposure, in [start_ms, end_ms)."""
        bodies = [e.data for e in events if start_ms <= e.time_ms < end_ms and type(e.data) is self.contract]
        bodies = [body for body in bodies if self.inside(body)]
        total = sum(map(self.value, bodies))
        return total / (sum(map(self.exposure, bodies)) if self.exposure else (end_ms - start_ms) / MINUTE_MS)


def number(name: str) -> Callable[[Contract], float]:
    return lambda body: float(getattr(body, name))


def where(**dims: str) -> Callable[[Contract], bool]:
    return lambda body: all(getattr(body, name) == value for name, value in dims.items())


def lines_hash(events: list[Event]) -> str:
    return hashlib.sha256("\n".join(map(to_line, events)).encode()).hexdigest()


def incident(kind: str) -> Incident:
    return next(found for found in truth(EVENING) if found.kind == kind)


def test_every_event_is_valid_and_survives_the_wire(short: list[Event]) -> None:
    assert {type(event.data) for event in short} >= {
        TrafficSample,
        TrafficQuality,
        RoomLifecycle,
        EnforcementAction,
        EnforcementReversed,
        AppealLifecycle,
        MerchantTicket,
        SourceHeartbeat,
    }
    for event in short:
        assert from_line(to_line(event)) == event


def test_it_says_that_it_is_a_simulation(short: list[Event]) -> None:
    assert {event.source for event in short} == {SOURCE}
    assert len({event.id for event in short}) == len(short)
    assert all(event.id.startswith("sim-") for event in short)
    opaque = ("room_id", "shop_id", "creator_id", "subject_id", "action_id", "violation_id", "appeal_id", "ticket_id")
    named = ("policy_id", "model_id", "queue_id", "change_id", "cdn", "target", "owner_team")
    for event in short:
        for name in opaque + named:
            assert str(getattr(event.data, name, None) or "sim-").startswith("sim-"), (name, event)


def test_same_scenario_same_bytes_whatever_the_hash_seed(short: list[Event]) -> None:
    program = (
        "import hashlib; from sources.codec import to_line; from sources.simulate import Scenario, simulate\n"
        "text = '\\n'.join(map(to_line, simulate(Scenario(seed=11, hours=3))))\n"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert seen == {lines_hash(short)}
    assert lines_hash(list(simulate(replace(SHORT, seed=12)))) not in seen


def test_events_come_in_order_and_inside_the_span(evening: list[Event]) -> None:
    times = [event.time_ms for event in evening]
    assert all(a <= b for a, b in pairwise(times))
    assert times[0] >= EVENING.start_ms
    assert all(event.time_ms < EVENING.end_ms or isinstance(event.data, SourceHeartbeat) for event in evening)


def test_event_time_is_the_time_that_the_contract_names(short: list[Event]) -> None:
    names = {
        TrafficSample: "window_start",
        TrafficQuality: "window_start",
        EnforcementAction: "decided_at",
        EnforcementReversed: "at",
        AppealLifecycle: "at",
        MerchantTicket: "opened_at",
        PlatformChange: "starts_at",
        SourceHeartbeat: "covers_until",
    }
    for event in short:
        if name := names.get(type(event.data)):
            assert to_ms(getattr(event.data, name)) == event.time_ms


def test_evening_is_small_enough_for_a_laptop(evening: list[Event]) -> None:
    assert 200_000 < len(evening) < 260_000


def test_no_event_contradicts_a_heartbeat_and_the_source_ends(evening: list[Event]) -> None:
    covered: dict[str, int] = dict.fromkeys(TOPICS, EVENING.start_ms)
    ended = []
    for event in evening:
        assert event.time_ms >= covered[event.topic], event
        if isinstance(event.data, SourceHeartbeat):
            covered[event.topic] = to_ms(event.data.covers_until)
            if event.data.state == "ENDED":
                ended.append(event.topic)
    assert sorted(ended) == sorted(TOPICS)
    assert set(covered.values()) == {EVENING.end_ms}


def test_heartbeats_cover_everything_but_the_gap(evening: list[Event]) -> None:
    gap = incident("REPORTING_GAP")
    for topic in TOPICS:
        beats = [e.data for e in evening if isinstance(e.data, SourceHeartbeat) and e.topic == topic]
        holes = [
            (to_ms(before.covers_until), to_ms(after.covers_from))
            for before, after in pairwise(beats)
            if before.covers_until != after.covers_from
        ]
        assert holes == ([(gap.start_ms, gap.end_ms)] if topic == "live.enforcement" else [])


def test_viewers_add_up_and_a_funnel_narrows(short: list[Event]) -> None:
    level: dict[str, int] = {}
    for event in short:
        if isinstance(event.data, TrafficSample):
            row = event.data
            assert row.ccu is not None
            assert row.viewers_in is not None
            assert row.viewers_out is not None
            before = level.get(row.room_id, row.ccu - row.viewers_in + row.viewers_out)
            assert row.ccu == before + row.viewers_in - row.viewers_out
            assert (row.orders or 0) <= (row.atc or 0) <= (row.product_clicks or 0)
            assert bool(row.orders) == bool(row.gmv_minor)
            level[row.room_id] = row.ccu


def dispersion(counts: np.ndarray, expected: np.ndarray) -> float:
    expected = expected * counts.sum() / expected.sum()
    return float(np.mean((counts - expected) ** 2 / expected))


def test_enforcement_counts_are_overdispersed_where_poisson_ones_are_not(evening: list[Event]) -> None:
    minutes = np.arange(EVENING.start_ms, EVENING.start_ms + 40 * HOUR_MS, MINUTE_MS)
    of_slice = where(policy_id="sim-policy-counterfeit", market="DE", action_type="PRODUCT_REMOVED")
    seen = Counter(
        (e.time_ms - EVENING.start_ms) // (10 * MINUTE_MS)
        for e in evening
        if e.time_ms < minutes[-1] and isinstance(e.data, EnforcementAction) and of_slice(e.data)
    )
    expected = (MARKETS[0].shape(minutes) ** 0.8).reshape(-1, 10).sum(axis=1)
    counts = np.array([seen[step] for step in range(expected.size)])
    bound = 1 + 5 * (2 / counts.size) ** 0.5
    assert dispersion(counts, expected) > bound
    poisson = generator(1, "poisson").poisson(expected * counts.sum() / expected.sum())
    assert dispersion(poisson, expected) < bound


def test_volumes_range_from_thin_to_thick(evening: list[Event]) -> None:
    per_minute: Counter[tuple[str | None, str | None, str | None]] = Counter()
    for event in evening:
        if isinstance(event.data, EnforcementAction):
            body = event.data
            per_minute[body.market, body.policy_id, body.reviewer_type] += body.weight
    rates = sorted(count / (60 * EVENING.hours) for count in per_minute.values())
    assert rates[0] < 0.01
    assert rates[-1] > 15


VISIBLE = {
    "POLICY_ROLLOUT": (View(EnforcementAction, where(policy_id="sim-policy-misleading-claims", market="FR"),
                            number("weight")), 2.0, 9.0),
    "QUEUE_BACKLOG": (View(EnforcementAction, where(queue_id="sim-queue-live"), number("weight")), 0.0, 0.0),
    "APP_RELEASE": (View(TrafficQuality, where(device_class="ANDROID"), number("error_count"), number("samples")),
                    2.0, 4.5),
    "REPORTING_GAP": (View(EnforcementAction, where(), number("weight")), 0.0, 0.0),
    "BAD_MODEL_RELEASE": (View(EnforcementAction, lambda body: body.market in ("DE", "ES")  # type: ignore[attr-defined]
                               and body.policy_id == "sim-policy-counterfeit",  # type: ignore[attr-defined]
                               number("weight")), 4.0, 30.0),
    "CDN_FAILURE": (View(TrafficQuality, where(market="ES", cdn="sim-cdn-2"), number("stalled"), number("samples")),
                    7.0, 20.0),
    "TRAFFIC_COLLAPSE": (View(TrafficSample, where(market="DE"), number("ccu")), 0.1, 0.5),
    "FRAUD_WAVE": (View(EnforcementAction, where(policy_id="sim-policy-non-delivery", market="IT"), number("weight")),
                   4.0, 40.0),
}  # fmt: skip
"""Kind of incident: what to look at, and between what factors of the time before the level must lie."""


@pytest.mark.parametrize("kind", sorted(VISIBLE))
def test_incident_shows_in_raw_numbers(evening: list[Event], kind: str) -> None:
    found = incident(kind)
    view, low, high = VISIBLE[kind]
    until = min(found.end_ms, found.start_ms + 2 * HOUR_MS)
    before = view.level(evening, found.start_ms - 2 * HOUR_MS, found.start_ms)
    assert before > 0
    assert low <= view.level(evening, found.start_ms, until) / before <= high


def test_every_incident_kind_is_looked_at() -> None:
    assert {found.kind for found in truth(EVENING)} == set(VISIBLE)


def test_the_higher_level_after_the_rollout_stays(evening: list[Event]) -> None:
    found = incident("POLICY_ROLLOUT")
    view, *_ = VISIBLE["POLICY_ROLLOUT"]
    late = EVENING.end_ms - 4 * HOUR_MS
    assert view.level(evening, late, EVENING.end_ms) > 2 * view.level(evening, late - DAY_MS, EVENING.end_ms - DAY_MS)
    versions = {
        e.data.policy_version
        for e in evening
        if isinstance(e.data, EnforcementAction) and view.inside(e.data) and e.time_ms >= found.start_ms
    }
    assert versions == {"4"}


def test_the_queue_catches_up(evening: list[Event]) -> None:
    found = incident("QUEUE_BACKLOG")
    view, *_ = VISIBLE["QUEUE_BACKLOG"]
    before = view.level(evening, found.start_ms - HOUR_MS, found.start_ms)
    assert view.level(evening, found.end_ms, found.aftermath_end_ms) > 2 * before


def overturned(evening: list[Event], policy_id: str, market: str, start_ms: int, end_ms: int) -> tuple[int, int]:
    """Appeals granted, and appeals resolved, of one policy's decisions of a time."""
    decided = {
        e.data.action_id
        for e in evening
        if isinstance(e.data, EnforcementAction)
        and e.data.policy_id == policy_id
        and e.data.market == market
        and start_ms <= e.time_ms < end_ms
    }
    outcomes = [
        e.data.outcome
        for e in evening
        if isinstance(e.data, AppealLifecycle) and e.data.state == "RESOLVED" and e.data.action_id in decided
    ]
    return outcomes.count("REVERSED"), len(outcomes)


def test_wrong_decisions_are_overturned_and_right_ones_are_not(evening: list[Event]) -> None:
    bad = incident("BAD_MODEL_RELEASE")
    granted, resolved = overturned(evening, "sim-policy-counterfeit", "DE", bad.start_ms, bad.end_ms)
    assert resolved >= 20
    assert granted / resolved > 0.5
    granted, resolved = overturned(evening, "sim-policy-counterfeit", "DE", EVENING.start_ms, bad.start_ms)
    assert resolved >= 20
    assert granted / resolved < 0.45
    rolled_back = sum(isinstance(e.data, EnforcementReversed) and e.data.reason == "BULK_ROLLBACK" for e in evening)
    assert rolled_back > 100


def test_fraud_comes_from_many_new_shops(evening: list[Event]) -> None:
    wave = incident("FRAUD_WAVE")
    newcomers = {
        e.data.shop_id
        for e in evening
        if isinstance(e.data, EnforcementAction) and e.data.shop_id and "-new-" in e.data.shop_id
    }
    assert len(newcomers) > 30
    first = min(e.time_ms for e in evening if getattr(e.data, "shop_id", None) in newcomers)
    assert first >= wave.start_ms


def test_merchants_write_more_after_the_bad_model(evening: list[Event]) -> None:
    bad = incident("BAD_MODEL_RELEASE")
    view = View(MerchantTicket, where(category="VIOLATION_DISPUTE", market="DE"), lambda _: 1.0)
    day_before = view.level(evening, bad.start_ms - DAY_MS, bad.end_ms - DAY_MS + HOUR_MS)
    assert view.level(evening, bad.start_ms, bad.end_ms + HOUR_MS) > 2 * day_before


def test_campaign_lifts_viewers_and_not_the_rate(evening: list[Event]) -> None:
    campaign = next(effect for effect in EVENING.distractors if effect.kind == "CAMPAIGN")
    span = (campaign.start_ms + 30 * MINUTE_MS, campaign.end_ms)
    normal = (span[0] - DAY_MS, span[1] - DAY_MS)
    ccu = View(TrafficSample, where(market="FR"), number("ccu"))
    actions = View(EnforcementAction, where(market="FR", policy_id="sim-policy-live-conduct"), number("weight"))
    lift = ccu.level(evening, *span) / ccu.level(evening, *normal)
    more = actions.level(evening, *span) / actions.level(evening, *normal)
    assert lift > 1.35
    assert 0.6 < more / lift < 1.6


def test_interrupted_rooms_lose_viewers_and_resume(evening: list[Event]) -> None:
    stopped = {
        e.data.room_id: e.time_ms
        for e in evening
        if isinstance(e.data, RoomLifecycle) and e.data.state == "INTERRUPTED"
    }
    assert stopped
    resumed = {e.data.room_id for e in evening if isinstance(e.data, RoomLifecycle) and e.data.state == "RESUMED"}
    assert set(stopped) == resumed
    before, during = 0, 0
    for event in evening:
        if isinstance(event.data, TrafficSample) and event.data.room_id in stopped:
            after_ms = event.time_ms - stopped[event.data.room_id]
            before += (event.data.ccu or 0) * (-6 * MINUTE_MS <= after_ms < -MINUTE_MS)
            during += (event.data.ccu or 0) * (0 <= after_ms < 5 * MINUTE_MS)
    assert during < 0.6 * before


def test_truth_file_matches_the_scenario(evening: list[Event]) -> None:
    notified = json.loads(truth_json(EVENING))
    assert notified["simulation"] is True
    assert [entry["id"] for entry in notified["incidents"]] == [found.id for found in truth(EVENING)]
    quiet_until = EVENING.start_ms + 40 * HOUR_MS
    for entry in notified["incidents"]:
        start, end = parse_ms(entry["start"]), parse_ms(entry["end"])
        assert quiet_until <= start < end <= EVENING.end_ms
        assert entry["alert_kinds"]
        hit = [
            e
            for e in evening
            if start <= e.time_ms < end
            and e.type_name == entry["event_type"]
            and all(getattr(e.data, name) == value for name, value in entry["dimensions"].items())
        ]
        assert bool(hit) == (entry["factor"] > 0), entry["id"]
    assert all(not entry["alert_kinds"] for entry in notified["distractors"])


def test_incidents_do_not_overlap_where_they_would_hide_each_other() -> None:
    passing = [found for found in truth(EVENING) if found.kind != "POLICY_ROLLOUT"]
    for one, next_one in pairwise(passing):
        assert one.end_ms + 20 * MINUTE_MS <= next_one.start_ms


@pytest.mark.parametrize("wrong", [{"start_ms": 1}, {"hours": 0}, {"markets": ()}, {"policies": ()}])
def test_a_scenario_without_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"minute|needs"):
        Scenario(**wrong)  # type: ignore[arg-type]


def test_processes_have_the_moments_they_claim() -> None:
    rng = generator(3, "moments")
    drift = log_drift(rng, 200_000, 20, 0.3)
    assert drift.mean() == pytest.approx(1.0, abs=0.02)
    assert np.log(drift).std() == pytest.approx(0.3, abs=0.02)
    bursts = frailty(rng, 400_000, 2.0, 6)
    assert bursts.mean() == pytest.approx(1.0, abs=0.02)
    assert bursts.var() == pytest.approx(0.5, abs=0.03)
    ranks = Counter(zipf_ranks(rng, 50_000, 1000))
    assert ranks[1] > 10 * ranks[500]
    assert max(ranks) <= 1000


def test_the_documented_block_runs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    assert json.loads(next(names["lines"]))["source"] == json.loads(names["answers"])["source"] == SOURCE
