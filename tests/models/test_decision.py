"""From scores to alerts: every rule of the state machine as a table of buckets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from livewarden.alert import Alert
from livewarden.times import MINUTE_MS
from models.decide.decision import CATCHING_UP, Decision, State
from models.decide.observation import Observation
from models.detect.judgement import Direction, Judgement
from models.monitors.monitor import Monitor
from tests.core_fixtures import T0, monitor

SERIES = {"market": "DE"}
M = monitor(min_volume=10, min_effect=1.25, rearm_buckets=3, cooldown="1h", regime_after=50)
THRESHOLD = M.threshold
NORMAL, HALF, FULL = 0.0, THRESHOLD / 2, THRESHOLD


@dataclass
class Notified:
    """What one bucket came to."""

    state: State
    alerts: list[Alert]


def at(bucket: int) -> int:
    return T0 + bucket * MINUTE_MS


def judgement(score: float, observed: float, expected: float, *, ready: bool = True, **scan: Any) -> Judgement:
    direction: Direction = "UP" if observed >= expected else "DOWN"
    window = {"scan_observed": observed, "scan_expected": expected} | scan
    return Judgement(score, direction, expected, ready, **window)


def bucket(
    decision: Decision,
    number: int,
    score: float,
    observed: float = 100,
    expected: float = 10,
    asked: Monitor = M,
    **more: Any,
) -> Notified:
    subjects, excuse = more.pop("subjects", None), more.pop("excuse", None)
    judged = judgement(score, observed, expected, **more)
    found = decision.decide(Observation(asked, SERIES, at(number), observed, judged, subjects), excuse)
    return Notified(*found)


@pytest.mark.parametrize(
    ("fields", "score", "observed", "expected", "more", "state"),
    [
        ({}, FULL, 100, 10, {}, "firing"),
        ({}, FULL - 0.001, 100, 10, {}, "normal"),
        ({}, 50.0, 100, 10, {"ready": False}, "insufficient"),
        # volume: neither what came nor what was expected reaches it
        ({"min_volume": 101}, 50.0, 100, 10, {}, "anomalous"),
        ({"min_volume": 100}, 50.0, 100, 10, {}, "firing"),
        ({"min_volume": 100}, 50.0, 0, 100, {}, "firing"),
        ({"min_volume": 101}, 50.0, 0, 100, {}, "anomalous"),
        # volume is that of the whole window in which it was found
        ({"min_volume": 150}, 50.0, 100, 10, {"scan_observed": 160, "scan_expected": 50}, "firing"),
        # effect, up and down
        ({"min_effect": 2.0}, 50.0, 199, 100, {}, "anomalous"),
        ({"min_effect": 2.0}, 50.0, 200, 100, {}, "firing"),
        ({"min_effect": 2.0}, 50.0, 51, 100, {}, "anomalous"),
        ({"min_effect": 2.0}, 50.0, 50, 100, {}, "firing"),
        # subjects: one offender is no wave; a drop has no subjects to count
        ({"min_subjects": 5}, 50.0, 100, 10, {"subjects": 4}, "anomalous"),
        ({"min_subjects": 5}, 50.0, 100, 10, {"subjects": 5}, "firing"),
        ({"min_subjects": 5}, 50.0, 100, 10, {"subjects": None}, "firing"),
        ({"min_subjects": 5}, 50.0, 10, 100, {"subjects": 1}, "firing"),
        # direction
        ({"direction": "up"}, 50.0, 10, 100, {}, "normal"),
        ({"direction": "up"}, 50.0, 100, 10, {}, "firing"),
        ({"direction": "down"}, 50.0, 100, 10, {}, "normal"),
        ({"direction": "down"}, 50.0, 10, 100, {}, "firing"),
    ],
)
def test_first_bucket(
    fields: dict[str, Any], score: float, observed: float, expected: float, more: dict[str, Any], state: State
) -> None:
    # the score of a table row is that of M, whose threshold `fields` do not change
    notified = bucket(Decision(), 0, score, observed, expected, monitor(**{"min_volume": 10} | fields), **more)
    assert notified.state == state
    assert len(notified.alerts) == (state == "firing")


def test_ratio_has_no_volume_floor_of_its_own() -> None:
    stalls = monitor(
        event="traffic.quality", measure="ratio(stalled, samples)", detector="traffic", min_volume=500, season="none"
    )
    assert bucket(Decision(), 0, 50.0, 0.4, 0.1, stalls).state == "firing"


def test_alert_says_what_was_judged() -> None:
    notified = bucket(
        Decision(), 3, 12.3456789, 100, 10.123456789, scan_buckets=5, scan_observed=240, scan_expected=50.5, subjects=7
    )
    (alert,) = notified.alerts
    assert (alert.window_start_ms, alert.window_end_ms) == (at(3), at(4))
    assert (alert.kind, alert.direction, alert.status, alert.version) == ("ENFORCEMENT_SPIKE", "UP", "firing", 1)
    assert (alert.observed, alert.expected, alert.score) == (100, 10.1235, 12.3457)
    assert (alert.scan_buckets, alert.scan_observed, alert.scan_expected, alert.subjects) == (5, 240, 50.5, 7)
    assert alert.episode_id == alert.alert_id
    assert alert.config_hash == M.config_hash


def test_episode_is_told_once_and_ends_after_calm_buckets() -> None:
    decision = Decision()
    (first,) = bucket(decision, 0, FULL).alerts
    assert [bucket(decision, n, 50.0).alerts for n in (1, 2, 3)] == [[], [], []]
    assert [(bucket(decision, n, NORMAL, 10).state, decision.firing) for n in (4, 5)] == [("firing", True)] * 2
    ended = bucket(decision, 6, NORMAL, 10)
    assert ended.alerts == [first.resolved(at(4))]
    assert ended.alerts[0].ends_at_ms == at(4)
    assert not decision.firing
    assert bucket(decision, 7, NORMAL, 10) == Notified("normal", [])


def test_half_the_threshold_keeps_an_episode_open() -> None:
    decision = Decision()
    bucket(decision, 0, FULL)
    for number in range(1, 10):
        score = HALF if number % 3 == 0 else NORMAL
        assert bucket(decision, number, score).alerts == []
    assert decision.firing
    assert [bucket(decision, number, HALF - 0.001).alerts for number in (10, 11)] == [[], []]
    assert bucket(decision, 12, HALF - 0.001).alerts[0].ends_at_ms == at(10)


def test_the_other_way_is_calm_for_an_episode() -> None:
    decision = Decision()
    bucket(decision, 0, FULL, 100, 10)
    states = [bucket(decision, number, 50.0, 0, 10).alerts for number in (1, 2, 3)]
    assert [len(alerts) for alerts in states] == [0, 0, 1]
    assert states[2][0].status == "resolved"


def test_bucket_that_is_odd_only_through_the_window_before_it_is_calm() -> None:
    decision = Decision()
    bucket(decision, 0, FULL, 100, 10)
    ordinary: dict[str, Any] = {"scan_buckets": 15, "scan_observed": 240.0, "scan_expected": 150.0}
    alerts = [bucket(decision, number, 50.0, 11, 10, **ordinary).alerts for number in (1, 2, 3)]
    assert [len(each) for each in alerts] == [0, 0, 1]


@pytest.mark.parametrize(
    ("observed", "tells"),
    [
        (189, False),  # an excess of 179 over 10, notified were 90
        (190, True),
        (1000, True),
    ],
)
def test_open_episode_speaks_again_only_when_materially_worse(observed: float, tells: bool) -> None:
    decision = Decision()
    (first,) = bucket(decision, 0, FULL, 100, 10).alerts
    notified = bucket(decision, 1, 50.0, observed, 10)
    assert bool(notified.alerts) == tells
    if tells:
        (worse,) = notified.alerts
        assert worse.episode_id == first.alert_id != worse.alert_id
        assert bucket(decision, 2, 50.0, observed, 10).alerts == []
        ended = [bucket(decision, number, NORMAL, 10).alerts for number in (3, 4, 5)][-1]
        assert [(alert.alert_id, alert.version, alert.status) for alert in ended] == [
            (first.alert_id, 2, "resolved"),
            (worse.alert_id, 2, "resolved"),
        ]


def test_worse_by_less_than_the_volume_floor_is_not_worse() -> None:
    asked = monitor(min_volume=100, rearm_buckets=3)
    decision = Decision()
    bucket(decision, 0, FULL, 120, 90, asked)
    assert bucket(decision, 1, 50.0, 219, 90, asked).alerts == []
    assert len(bucket(decision, 2, 50.0, 220, 90, asked).alerts) == 1


def test_drop_is_worse_at_half_of_what_was_told() -> None:
    decision = Decision()
    bucket(decision, 0, FULL, 400, 1000)
    assert bucket(decision, 1, 50.0, 201, 1000).alerts == []
    assert len(bucket(decision, 2, 50.0, 200, 1000).alerts) == 1


def ended_at(decision: Decision, number: int, observed: float = 100) -> int:
    """Let an episode begin at `number` and end; returns the number after its last normal bucket."""
    bucket(decision, number, FULL, observed)
    for normal in (1, 2, 3):
        bucket(decision, number + normal, NORMAL, 10)
    assert not decision.firing
    return number + 4


def test_new_episode_within_the_cooldown_is_stored_not_told() -> None:
    decision = Decision()
    after = ended_at(decision, 0)
    (alert,) = bucket(decision, after, FULL).alerts
    assert alert.suppressed_by == "cooldown"
    assert alert.version == 1
    resolved = [bucket(decision, after + normal, NORMAL, 10).alerts for normal in (1, 2, 3)][-1]
    assert [(each.suppressed_by, each.status) for each in resolved] == [("cooldown", "resolved")]


def test_cooldown_counts_from_the_end_of_what_was_told_and_suppressed_episodes_do_not_renew_it() -> None:
    decision = Decision()
    ended_at(decision, 0)  # ends at minute 1, quiet until minute 61
    ended_at(decision, 30)
    assert [alert.suppressed_by for alert in bucket(decision, 60, FULL).alerts] == ["cooldown"]
    for normal in (61, 62, 63):
        bucket(decision, normal, NORMAL, 10)
    assert [alert.suppressed_by for alert in bucket(decision, 64, FULL).alerts] == [None]


def test_materially_worse_breaks_the_cooldown() -> None:
    decision = Decision()
    after = ended_at(decision, 0, observed=100)
    assert bucket(decision, after, FULL, 1000).alerts[0].suppressed_by is None


def test_other_direction_breaks_the_cooldown() -> None:
    decision = Decision()
    after = ended_at(decision, 0, observed=100)
    assert bucket(decision, after, FULL, 1, 100).alerts[0].suppressed_by is None


def test_rise_after_a_gap_is_stored_not_told() -> None:
    decision = Decision()
    (first,) = bucket(decision, 0, FULL, 100, excuse=CATCHING_UP).alerts
    assert first.suppressed_by == "catch-up after a gap"
    assert bucket(decision, 1, 50.0, 900, excuse=CATCHING_UP).alerts == []  # much worse, and still catching up
    (notified,) = bucket(decision, 2, 50.0, 900).alerts  # what lasts is no catch-up
    assert notified.suppressed_by is None
    assert notified.episode_id == first.alert_id


def test_fall_after_a_gap_is_told_when_it_lasts() -> None:
    decision = Decision()
    (first,) = bucket(decision, 0, FULL, 0, 100, excuse=CATCHING_UP).alerts
    assert first.suppressed_by == "catch-up after a gap"
    (notified,) = bucket(decision, 1, FULL, 0, 100).alerts
    assert (notified.suppressed_by, notified.episode_id) == (None, first.alert_id)
    assert bucket(decision, 2, FULL, 0, 100).alerts == []


def test_what_has_shrunk_to_nothing_worth_telling_is_over() -> None:
    decision = Decision()
    bucket(decision, 0, FULL, 100, 1)
    ended = [bucket(decision, number, 50.0, 4, 0.1).alerts for number in (1, 2, 3)][-1]
    assert [(alert.status, alert.ends_at_ms) for alert in ended] == [("resolved", at(1))]


def test_lasting_anomaly_is_told_once_as_regime_change() -> None:
    asked = monitor(min_volume=10, rearm_buckets=3, regime_after=5, cooldown="1h")
    decision = Decision()
    (first,) = bucket(decision, 0, FULL, 100, 10, asked).alerts
    quiet = [bucket(decision, number, 50.0, 100, 10, asked).alerts for number in range(1, 5)]
    assert quiet == [[], [], [], []]
    regime, resolved = bucket(decision, 5, 50.0, 100, 10, asked).alerts
    assert (regime.kind, regime.version, regime.episode_id) == ("REGIME_CHANGE", 1, first.alert_id)
    assert (regime.status, regime.ends_at_ms) == ("resolved", at(6))  # a moment, nothing to wait for
    assert regime.alert_id != first.alert_id
    assert (resolved.alert_id, resolved.status, resolved.ends_at_ms) == (first.alert_id, "resolved", at(6))
    assert not decision.firing


def test_an_interrupted_anomaly_is_no_regime_change_in_a_calm_bucket() -> None:
    asked = monitor(min_volume=10, rearm_buckets=3, regime_after=5)
    decision = Decision()
    for number in range(5):
        bucket(decision, number, FULL, 100, 10, asked)
    assert bucket(decision, 5, NORMAL, 10, 10, asked).alerts == []
    assert [alert.kind for alert in bucket(decision, 6, 50.0, 100, 10, asked).alerts][:1] == ["REGIME_CHANGE"]


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_time_towards_a_regime_change_is_remembered(steps: int) -> None:
    asked = monitor(min_volume=10, regime_after=5)
    kept, resumed = Decision(), Decision()
    for number in range(steps):
        bucket(kept, number, 50.0, asked=asked)
    resumed.restore(json.loads(json.dumps(kept.snapshot())))
    notified = [alert.kind for number in range(steps, 6) for alert in bucket(resumed, number, 50.0, asked=asked).alerts]
    assert notified == ["REGIME_CHANGE", "ENFORCEMENT_SPIKE"]


@pytest.mark.parametrize("steps", range(8))
def test_snapshot_and_restore_at_any_point_equals_uninterrupted(steps: int) -> None:
    scores = [
        (FULL, 100.0),
        (NORMAL, 10.0),
        (NORMAL, 10.0),
        (NORMAL, 10.0),
        (FULL, 100.0),
        (50.0, 900.0),
        (NORMAL, 10.0),
    ]
    kept, resumed = Decision(), Decision()
    for number, (score, observed) in enumerate(scores[:steps]):
        bucket(kept, number, score, observed)
    resumed.restore(json.loads(json.dumps(kept.snapshot())))
    rest = list(enumerate(scores * 2))[steps:]
    assert [bucket(kept, n, *each) for n, each in rest] == [bucket(resumed, n, *each) for n, each in rest]
    assert kept.snapshot() == resumed.snapshot()


def test_fresh_decision_takes_no_room() -> None:
    decision = Decision()
    bucket(decision, 0, NORMAL)
    assert decision.snapshot() is None


def test_ids_come_from_content() -> None:
    def first(**fields: Any) -> Alert:
        return bucket(Decision(), 0, FULL, asked=monitor(**fields)).alerts[0]

    assert first().alert_id == first(title="Other words", owner="us", severity="critical").alert_id
    others = {first().alert_id, first(min_volume=11).alert_id, first(name="other").alert_id}
    assert len(others) == 3
    json_line = first().to_json("r1")
    assert json_line["run"] == "r1"
    assert json_line["window_start"] == "2026-03-02T00:00:00Z"
    assert json_line["ends_at"] is None
