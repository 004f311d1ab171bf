"""Case candidates: which alerts belong together, and what a case worker finds in one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.alert import Alert
from livewarden.times import MINUTE_MS, format_ms
from models.decide.alert import gap_alert, new_alert
from models.decide.candidates import JOIN_BUCKETS, JOIN_MS, MOST_POINTS, Casebook, CaseCandidate
from models.decide.observation import Observation
from models.detect.judgement import Judgement
from models.detect.series_index import Point
from models.monitors.monitor import Monitor
from tests.core_fixtures import T0, monitor, silent

SPIKES = monitor(name="spikes", title="Measures", bucket="1m")
SLOW = monitor(name="slow", bucket="1h", severity="critical")
SHOPS = monitor(name="shops", group_by=["shop_id"])
SILENCE = silent(name="silence")
BOTH = monitor(name="both", group_by=["market", "shop_id"])
MONITORS = {each.name: each for each in (SPIKES, SLOW, SHOPS, BOTH, SILENCE)}
REACH = max(JOIN_MS, JOIN_BUCKETS * SPIKES.bucket) // MINUTE_MS


def at(minute: int) -> int:
    return T0 + minute * MINUTE_MS


def points_of(name: str, series: Mapping[str, str]) -> Sequence[Point]:
    return [(at(minute), 10.0, 9.5, 0.1) for minute in range(-3, 1)]


def book() -> Casebook:
    return Casebook("live.enforcement", MONITORS, points_of)


def alert(minute: int, market: str = "DE", asked: Monitor = SPIKES, observed: float = 100, **more: Any) -> Alert:
    judgement = Judgement(9.0, "UP" if observed > 10 else "DOWN", 10.0, True, 1, observed, 10.0)
    labels = dict.fromkeys(asked.group_by, market)
    return new_alert(Observation(asked, labels, at(minute), observed, judgement), **more)


def test_alerts_of_one_slice_close_in_time_are_one_candidate() -> None:
    cases = book()
    first = cases.take(alert(0))
    assert first.case_id
    assert cases.take(alert(1 + REACH)).case_id == first.case_id
    assert cases.take(alert(3 + 2 * REACH)).case_id != first.case_id


def test_another_monitor_joins_over_a_shared_value_and_another_slice_does_not() -> None:
    cases = book()
    first = cases.take(alert(0, "DE"))
    assert cases.take(alert(1, "FR")).case_id != first.case_id
    assert cases.take(alert(2, "DE", SLOW)).case_id == first.case_id
    assert cases.take(alert(3, "DE", SHOPS)).case_id != first.case_id  # the value DE of another dimension


def test_alert_without_a_slice_joins_any_and_unset_values_join_no_other() -> None:
    cases = book()
    whole = monitor(name="spikes", group_by=[])
    first = cases.take(alert(0))
    assert cases.take(alert(1, asked=whole)).case_id == first.case_id
    unset = cases.take(alert(2, "", SHOPS))
    assert unset.case_id != first.case_id
    assert cases.take(alert(3, "", SHOPS)).case_id == unset.case_id  # but the very same slice
    assert cases.take(alert(4, "s1", SHOPS)).case_id not in (first.case_id, unset.case_id)
    two = monitor(name="spikes", group_by=["market", "shop_id"])
    assert cases.take(replace(alert(5, asked=two), series={"market": "PT", "shop_id": ""})).case_id != unset.case_id


def test_alerts_of_one_episode_stay_together_however_long_it_lasts() -> None:
    cases = book()
    first = cases.take(alert(0))
    late = cases.take(alert(1000, episode_id=first.episode_id))
    assert late.case_id == first.case_id
    assert cases.take(first.resolved(at(1001))).case_id == first.case_id


def test_gap_is_not_filed_with_spikes_nor_spikes_with_it() -> None:
    cases = book()
    gap = cases.take(gap_alert(SILENCE, at(0), at(3)))
    spike = cases.take(alert(4))
    assert gap.case_id != spike.case_id
    assert cases.take(gap_alert(SILENCE, at(5), at(8))).case_id == gap.case_id
    busy = book()
    assert busy.take(alert(0)).case_id != busy.take(gap_alert(SILENCE, at(1), at(4))).case_id


def test_suppressed_alert_is_in_no_case() -> None:
    cases = book()
    suppressed = alert(0, suppressed_by="cooldown")
    assert cases.take(suppressed) is suppressed
    assert cases.changed() == []


def test_candidate_ends_when_all_its_alerts_have() -> None:
    cases = book()
    first, second = cases.take(alert(0)), cases.take(alert(1, asked=SLOW))
    cases.take(first.resolved(at(5)))
    assert [case.ended_at_ms for case in cases.changed()] == [None]
    cases.take(second.resolved(at(61)))
    assert [case.ended_at_ms for case in cases.changed()] == [at(61)]
    cases.take(alert(62))
    assert [case.ended_at_ms for case in cases.changed()] == [None]


def test_regime_change_does_not_hold_a_candidate_open() -> None:
    cases = book()
    first = cases.take(alert(0))
    change = alert(5, kind="REGIME_CHANGE", episode_id=first.episode_id)
    regime = cases.take(replace(change, status="resolved", ends_at_ms=at(6)))
    cases.take(first.resolved(at(6)))
    (case,) = cases.changed()
    assert (case.kind, case.ended_at_ms) == ("ENFORCEMENT_SPIKE", at(6))
    assert regime.case_id == case.case_id


def test_expired_candidates_take_no_more_and_open_ones_never_expire() -> None:
    cases = book()
    first = cases.take(alert(0))
    cases.expire(at(10_000))
    assert len(cases.snapshot()) == 1
    assert cases.take(first.resolved(at(5))).case_id == first.case_id
    cases.expire(at(1 + REACH))
    assert len(cases.snapshot()) == 1
    cases.expire(at(1 + REACH) + 1)
    assert cases.snapshot() == []


def test_candidate_of_a_coarse_monitor_is_kept_longer() -> None:
    cases = book()
    cases.take(cases.take(alert(0, asked=SLOW)).resolved(at(60)))
    cases.expire(at(60 + 180))
    assert len(cases.snapshot()) == 1
    cases.expire(at(60 + 180) + 1)
    assert cases.snapshot() == []


def test_ids_come_from_the_first_alert_and_versions_from_the_order() -> None:
    def summary() -> list[tuple[str, int]]:
        cases, notified = book(), []
        first = cases.take(alert(0))
        notified += [(case.case_id, case.version) for case in cases.changed()]
        cases.take(alert(1, "FR"))
        cases.take(alert(2))
        notified += [(case.case_id, case.version) for case in cases.changed()]
        cases.take(first.resolved(at(4)))
        notified += [(case.case_id, case.version) for case in cases.changed()]
        return notified

    once = summary()
    assert once == summary()
    assert [version for _, version in once] == [1, *[version for _, version in sorted(once[1:3])], 3]
    assert {version for case_id, version in once if case_id == once[0][0]} == {1, 2, 3}
    assert book().take(alert(0)).case_id == once[0][0]
    assert book().changed() == []


def test_evidence_holds_series_counts_selection_and_configuration() -> None:
    cases = book()
    first = cases.take(replace(alert(0), scan_buckets=5, scan_observed=240, subjects=17))
    cases.take(alert(1, asked=SLOW, observed=1000))
    cases.take(first.resolved(at(9)))
    (case,) = cases.changed()
    notified = case.to_json("r1", MONITORS)
    assert json.loads(json.dumps(notified)) == notified
    assert (notified["run"], notified["version"], notified["status"], notified["grouping"]) == (
        "r1",
        1,
        "candidate",
        "live.enforcement",
    )
    assert (notified["kind"], notified["severity"]) == ("ENFORCEMENT_SPIKE", "critical")
    assert (notified["started_at"], notified["ended_at"]) == (format_ms(at(0)), None)
    assert notified["title"] == "slow · DE: 1,000 in 1 h, expected 10"
    assert notified["monitors"] == ["slow", "spikes"]
    assert notified["series"] == [{"market": "DE"}]
    assert notified["alert_ids"] == [each["alert_id"] for each in notified["evidence"]["alerts"]]
    assert [each["status"] for each in notified["evidence"]["alerts"]] == ["resolved", "firing"]
    assert [each["case_id"] for each in notified["evidence"]["alerts"]] == [notified["case_id"]] * 2
    by_monitor = {each["monitor"]: each for each in notified["evidence"]["series"]}
    assert by_monitor["spikes"]["series"] == {"market": "DE"}
    assert by_monitor["spikes"]["points"][0] == [format_ms(at(-3)), 10.0, 9.5, 0.1]
    assert notified["evidence"]["events"][0] == {
        "alert_id": first.alert_id,
        "type": "enforcement.action",
        "precision": SPIKES.precision,
        "where": {},
        "series": {"market": "DE"},
        "from": format_ms(at(-4)),
        "to": format_ms(at(1)),
        "counted": 240,
        "subjects": 17,
    }
    assert notified["evidence"]["monitors"]["slow"]["bucket"] == "1h"
    assert Monitor.model_validate(notified["evidence"]["monitors"]["slow"]) == SLOW


def test_points_around_the_window_gather_once_each_and_are_bounded() -> None:
    now = 0

    def recent(name: str, series: Mapping[str, str]) -> Sequence[Point]:
        return [(at(minute), float(minute), 0.0, 0.0) for minute in range(now - 29, now + 1)]

    cases = Casebook("live.enforcement", MONITORS, recent)
    first = cases.take(alert(0))
    for now in (10, 25):
        cases.take(alert(now, episode_id=first.episode_id))
    (case,) = cases.changed()
    (points,) = case.points.values()
    assert [point[0] for point in points] == [at(minute) for minute in range(-29, 26)]
    for now in range(40, 1000, 20):
        cases.take(alert(now, episode_id=first.episode_id))
    assert len(next(iter(cases.changed()[0].points.values()))) == MOST_POINTS


def test_titles_say_gaps_and_mixed_kinds() -> None:
    cases = book()
    cases.take(gap_alert(SILENCE, at(0), at(3)))
    (gap,) = cases.changed()
    assert gap.title(MONITORS) == f"silence · everything: nothing came since {format_ms(at(0))}"
    assert gap.to_json("r1", MONITORS)["evidence"]["series"] == []
    cases.take(alert(10))
    cases.take(alert(11, observed=0))
    (mixed,) = cases.changed()
    assert mixed.kind == "MIXED"


def test_snapshot_and_restore_equals_uninterrupted() -> None:
    def begin(cases: Casebook) -> Alert:
        first = cases.take(alert(0))
        cases.take(alert(1, "FR"))
        cases.changed()
        return first

    def go_on(cases: Casebook, first: Alert) -> list[dict[str, Any]]:
        cases.take(alert(2))
        cases.take(first.resolved(at(9)))
        return [case.to_json("r1", MONITORS) for case in cases.changed()]

    kept, resumed = book(), book()
    first = begin(kept)
    resumed.restore(json.loads(json.dumps(kept.snapshot())), MONITORS)
    assert go_on(kept, first) == go_on(resumed, first)
    assert json.dumps(kept.snapshot()) == json.dumps(resumed.snapshot())


def home_of(candidates: Sequence[CaseCandidate], found: Alert, reach_ms: int) -> str | None:
    """Where an alert belongs, by looking at all of them: what the index must say."""
    for candidate in candidates:
        if any(found.episode_id == each.episode_id for each in candidate.alerts.values()):
            return candidate.case_id
    labels = {item for item in found.series.items() if item[1]}
    for candidate in candidates:
        for other in candidate.alerts.values() if found.window_start_ms - candidate.last_ms <= reach_ms else ():
            if (found.direction == "MISSING") == (other.direction == "MISSING") and (
                found.series == other.series or not found.series or labels & set(other.series.items())
            ):
                return candidate.case_id
    return None


DRAWN = st.tuples(
    st.integers(0, 70),
    st.sampled_from(["DE", "FR", "", "IT"]),
    st.sampled_from([SPIKES, SLOW, SHOPS, BOTH, SILENCE]),
    st.sampled_from(["firing", "resolved", "again", "mended", "restored"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(DRAWN, max_size=25))
def test_the_index_finds_what_a_look_at_all_candidates_would(drawn: list[tuple[int, str, Monitor, str]]) -> None:
    cases = book()
    seen: list[Alert] = []
    for minute, market, asked, what in drawn:
        if what == "mended":
            cases.mend(at(minute))
        if what == "restored":
            state, cases = cases.snapshot(), book()
            cases.restore(state, MONITORS)
        found = gap_alert(asked, at(minute - 3), at(minute)) if asked is SILENCE else alert(minute, market, asked)
        if seen and what in ("again", "resolved"):
            found = replace(seen[minute % len(seen)], version=2, status="resolved" if what == "resolved" else "firing")
        reach_ms = max(JOIN_MS, JOIN_BUCKETS * MONITORS[found.monitor].bucket)
        expected = home_of(list(cases._open.values()), found, reach_ms)
        taken = cases.take(found)
        seen.append(found)
        assert taken.case_id == (expected or taken.case_id)
        candidate = cases._open[taken.case_id]
        assert expected is not None or list(candidate.alerts) == [found.alert_id]
        over = all(each.status == "resolved" for each in candidate.alerts.values())
        assert (candidate.ended_at_ms is not None) == over
        cases.expire(at(minute))


def test_what_is_saved_is_what_taking_every_part_out_would_give() -> None:
    cases = book()
    cases.take(alert(1, "DE"))
    cases.take(replace(alert(2, "FR", SHOPS), explanation={"text": "why", "slices": {"causes": [{"share": 1.0}]}}))
    assert cases.snapshot() == [asdict(candidate) for candidate in cases._open.values()]
    assert any(candidate["alerts"] and candidate["points"] for candidate in cases.snapshot())
