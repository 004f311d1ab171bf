"""A period that is never to be learned is judged, and what is expected after it is what was expected before."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from livewarden.times import DAY_MS, format_ms
from models.decide.engine import Engine, Findings
from models.monitors.monitor import Monitor
from models.monitors.plan import Plan
from tests.core_fixtures import T0, found, monitor, say

USUAL = {"DE": 3_000, "FR": 3_000}
LOADED = {"DE": 9_000, "FR": 9_000}
DAYS = [USUAL] * 60 + [LOADED] * 12 + [USUAL] * 3


def said(**fields: object) -> Findings:
    asked = monitor(name="daily", bucket="1d", precision="day", min_volume=10, series=2, **fields)
    return found(
        Engine(Plan([asked]), asked.group_name), [m for day, rows in enumerate(DAYS) for m in say(asked, day, rows)]
    )


def expected_last(findings: Findings) -> dict[str, float]:
    return {each.series["market"]: each.expected or 0.0 for each in findings.judged[-2:]}


def excluded(**fields: object) -> dict[str, object]:
    return {"from": format_ms(T0 + 60 * DAY_MS), "to": format_ms(T0 + 72 * DAY_MS), "why": "load test", **fields}


def test_it_is_judged_and_not_learned() -> None:
    learned, left_out = said(), said(never_learn=[excluded()])
    assert min(expected_last(learned).values()) > 5_000
    assert expected_last(left_out) == pytest.approx(USUAL, rel=0.02)
    assert [alert.series for alert in left_out.alerts if alert.version == 1 and alert.kind == "ENFORCEMENT_SPIKE"]
    assert not [alert for alert in left_out.alerts if alert.kind == "ENFORCEMENT_DROP"]


def test_only_of_the_series_that_it_names() -> None:
    last = expected_last(said(never_learn=[excluded(where={"market": ["DE"]})]))
    assert last["DE"] == pytest.approx(3_000, rel=0.02)
    assert last["FR"] > 5_000


def test_a_period_changes_no_hash_of_monitors_without_one_and_mistakes_are_named() -> None:
    plain = Monitor(name="daily", event="enforcement.action", detector="enforcement", group_by=["market"])
    assert plain.config_hash == plain.model_copy(update={"never_learn": []}).config_hash
    with pytest.raises(ValidationError, match="never_learn: 'shop_id' is not in group_by"):
        monitor(name="daily", never_learn=[excluded(where={"shop_id": ["s1"]})])
    with pytest.raises(ValidationError, match="`from` is not before `to`"):
        monitor(name="daily", never_learn=[excluded(to=format_ms(T0))])
