"""The change ledger: what touches what."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewarden.contracts import PlatformChange
from livewarden.times import DAY_MS
from models.aggregate.change import Change, change_from, change_of, change_row
from models.explain.ledger import KEEP_MS, MOST, Ledger, anchors, relation
from tests.core_fixtures import T0, moment


def entry(kind: str = "MODEL_RELEASE", **fields: Any) -> Change:
    return Change(**({"at_ms": T0, "change_id": "c1", "kind": kind, "phase": "COMPLETED"} | fields))


CASES = [
    (entry("POLICY_ROLLOUT", target="p7"), {"policy_id": "p7", "market": "DE"}, "named"),
    (entry("POLICY_ROLLOUT", target="p7"), {"policy_id": "p8"}, None),
    (entry("POLICY_ROLLOUT", target="p7", markets=("FR",)), {"policy_id": "p7", "market": "DE"}, None),
    (entry("POLICY_ROLLOUT", target="p7", markets=("FR",)), {"policy_id": "p7", "market": "FR"}, "named"),
    (entry("POLICY_ROLLOUT", target="p7", markets=("FR",)), {"policy_id": "p7"}, "named"),
    (entry("MODEL_RELEASE", target="m1", to_version="2"), {"model_id": "m2"}, None),
    (entry("MODEL_RELEASE", target="m1", to_version="2"), {"model_version": "2"}, "named"),
    (entry("MODEL_RELEASE", target="m1", to_version="2"), {"model_version": "3"}, None),
    (entry("MODEL_RELEASE", target="m1", to_version="2", markets=("DE",)), {"market": "DE"}, "scoped"),
    (entry("MODEL_RELEASE", target="m1"), {"market": "DE"}, "open"),
    (entry("RULE_CHANGE", action_types=("WARNING",)), {"action_type": "WARNING"}, "scoped"),
    (entry("RULE_CHANGE", action_types=("WARNING",)), {"action_type": "AD_REJECTED"}, None),
    (entry("QUEUE_ROUTING", target="q1"), {"queue_id": "q1"}, "named"),
    (entry("QUEUE_ROUTING", target="q1"), {"queue_id": ""}, "open"),
    (entry("CDN_SWITCH", target="cdn-1"), {"cdn": "cdn-2"}, None),
    (entry("DEPLOYMENT", target="app-android", to_version="41.2"), {"device_class": "ANDROID"}, "named"),
    (entry("DEPLOYMENT", target="app-android", to_version="41.2"), {"device_class": "IOS"}, "open"),
    (entry("SCHEMA_VERSION", target="enforcement.action"), {"event": "enforcement.action"}, "named"),
    (entry("REPORTING_SCOPE", target="A"), {"platform": "B"}, None),
]


@pytest.mark.parametrize(("change", "labels", "expected"), CASES)
def test_relation(change: Change, labels: dict[str, str], expected: str | None) -> None:
    assert relation(change, labels) == expected
    ledger = Ledger()
    ledger.add(change)
    found = ledger.touching(labels, T0, T0 + 1)
    assert found == ([] if expected is None else [(change, expected)])
    assert ledger.touching(labels, T0 + 1, T0 + 2) == []


def test_release_of_what_is_not_inside_the_slice_does_not_reach_it() -> None:
    release = entry(target="m1", to_version="2")
    assert relation(release, {"market": "DE"}, {"model_version": ["1"]}) is None
    assert relation(release, {"market": "DE"}, {"model_version": ["1", "2"]}) == "open"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (entry("POLICY_ROLLOUT", target="p7"), True),
        (entry("POLICY_ROLLOUT", target="p7", phase="ANNOUNCED"), False),
        (entry("POLICY_ROLLOUT", target="p8"), False),
        (entry("DEPLOYMENT", target="p7"), False),
        (entry("MODEL_RELEASE", target="m1", markets=("DE",)), False),  # which of DE's series it reaches is not known
        (entry("THRESHOLD_CHANGE", markets=("DE",)), True),
        (entry("THRESHOLD_CHANGE"), False),
    ],
)
def test_another_level_is_expected_only_where_the_series_is_named(change: Change, expected: bool) -> None:
    assert anchors(change, {"market": "DE", "policy_id": "p7"}) == expected


changes = st.builds(
    entry,
    at_ms=st.integers(T0, T0 + 40 * DAY_MS),
    change_id=st.sampled_from("abc"),
    markets=st.sampled_from([(), ("DE",)]),
)


@given(st.lists(changes, max_size=30), st.integers())
def test_order_and_repetition_change_nothing_of_what_is_kept(entries: list[Change], seed: int) -> None:
    """Old ones may leave earlier or later, so only the reach of the newest is compared."""
    shuffled = entries * 2
    random.Random(seed).shuffle(shuffled)
    one, other = Ledger(), Ledger()
    for change in entries:
        one.add(change)
    for change in shuffled:
        other.add(change)
    last = max((change.at_ms for change in entries), default=0)
    assert (
        one.between(last - KEEP_MS, last + 1)
        == other.between(last - KEEP_MS, last + 1)
        == sorted({*one.between(0, last + 1)})
    )


def test_ledger_is_bounded_in_time_and_number() -> None:
    ledger = Ledger()
    for number in range(MOST + 10):
        ledger.add(entry(at_ms=T0 + number))
    assert len(ledger) == MOST
    ledger.add(entry(at_ms=T0 + 2 * KEEP_MS))
    assert len(ledger) == 1


def test_rollback_is_read_as_what_it_takes_back() -> None:
    ledger = Ledger()
    back = entry("ROLLBACK", at_ms=T0 + 1)
    ledger.add(back)
    assert ledger.origin(back) == "ROLLBACK"
    ledger.add(entry("MODEL_RELEASE"))
    assert ledger.origin(back) == "MODEL_RELEASE"


def test_event_becomes_an_entry_and_comes_back_from_json() -> None:
    body = {
        "change_id": "c1",
        "kind": "DEPLOYMENT",
        "phase": "PERCENT",
        "target": "app",
        "to_version": "2",
        "scope": {"markets": ["FR", "DE"], "percent": 35},
        "starts_at": moment(T0),
        "ends_at": moment(T0 + 5),
    }
    change = change_of(PlatformChange.model_validate(body), T0)
    assert (change.markets, change.percent, change.ends_ms) == (("DE", "FR"), 35.0, T0 + 5)
    assert change_from(orjson.loads(orjson.dumps(change_row(change)))) == change
    assert change.in_words() == "DEPLOYMENT of app to 2 (percent 35 %)"
    assert not entry(phase="ANNOUNCED").effective


def test_snapshot_is_all_of_it() -> None:
    ledger, again = Ledger(), Ledger()
    for number in range(5):
        ledger.add(entry(at_ms=T0 + number, markets=("DE",)))
    again.restore(orjson.loads(orjson.dumps(ledger.snapshot())))
    assert again.between(0, 2 * T0) == ledger.between(0, 2 * T0) != []
