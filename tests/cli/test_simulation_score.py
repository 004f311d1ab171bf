"""Which alert is a find of which incident."""

from __future__ import annotations

from typing import Any

import pytest

from cli.common import load_plan
from cli.simulation_score import is_right
from sources.simulate import scenario_evening, truth

PLAN = load_plan(None)
ROLLOUT, BACKLOG = truth(scenario_evening())[:2]


def alert(monitor: str, series: dict[str, str], slices: dict[str, str] | None = None) -> dict[str, Any]:
    """An enforcement spike at noon, with the slice that explains it."""
    found = {"slices": {"causes": [{"slice": slices}]}} if slices else None
    return {
        "monitor": monitor,
        "kind": "ENFORCEMENT_SPIKE",
        "window_start": "2026-03-06T12:00:00Z",
        "window_end": "2026-03-06T12:01:00Z",
        "series": series,
        "explanation": found,
    }


@pytest.mark.parametrize(
    ("found", "rollout", "backlog"),
    [
        (alert("enforcement-by-policy", dict(ROLLOUT.dimensions)), True, False),
        (alert("review-queues", {"queue_id": "sim-queue-live"}), False, True),
        (alert("review-queues", {"queue_id": "sim-queue-shops"}), False, False),
        (alert("review-queues", {"queue_id": "sim-queue-shops"}, dict(ROLLOUT.dimensions)), True, False),
        (
            alert("enforcement-by-policy", {"market": "DE", "policy_id": "p"}, {"queue_id": "sim-queue-live"}),
            False,
            True,
        ),
    ],
)
def test_a_find_names_the_cause_in_its_series_or_in_its_explanation(
    found: dict[str, Any], rollout: bool, backlog: bool
) -> None:
    assert (is_right(ROLLOUT, found, PLAN.by_name), is_right(BACKLOG, found, PLAN.by_name)) == (rollout, backlog)
