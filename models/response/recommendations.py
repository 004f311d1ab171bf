"""Recommendations, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from livewarden.action import MoveRecommendation, Recommend
from livewarden.library import STATUS_MOVES
from models.response.rejected import Rejected


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommendation for a pattern. `factor`, `low` and `high`: the measured effect, None until it was measured."""

    recommendation_id: str
    version: int
    pattern_id: str
    advice: str
    team: str
    text: str
    status: str
    done_ms: int | None
    factor: float | None
    low: float | None
    high: float | None
    measured_on: str
    by: str
    why: str
    at_ms: int


class Recommendations:
    """Recommendations by id; one of the bank is made once for a pattern, as long as it was not rejected."""

    def __init__(self) -> None:
        self.by_id: dict[str, Recommendation] = {}

    def apply(self, action: Recommend | MoveRecommendation, now_ms: int) -> tuple[Recommendation, str]:
        """What changed, and a sentence; Rejected where it may not be."""
        made = self._made(action, now_ms) if isinstance(action, Recommend) else self._moved(action, now_ms)
        self.by_id[made.recommendation_id] = made
        return made, f"the recommendation is {made.status}: {made.team}"

    def _made(self, action: Recommend, now_ms: int) -> Recommendation:
        same = [
            each
            for each in self.by_id.values()
            if (each.pattern_id, each.advice) == (action.pattern_id, action.advice) and each.status != "rejected"
        ]
        if same or action.recommendation_id in self.by_id:
            raise Rejected("it is recommended already")
        return Recommendation(
            action.recommendation_id,
            1,
            action.pattern_id,
            action.advice,
            action.team,
            action.text,
            "proposed",
            *(None, None, None, None),
            "",
            action.who,
            action.why,
            now_ms,
        )

    def _moved(self, action: MoveRecommendation, now_ms: int) -> Recommendation:
        before = self.by_id.get(action.recommendation_id)
        if before is None:
            raise Rejected("there is no such recommendation")
        able = STATUS_MOVES[before.status]
        if action.to not in able:
            raise Rejected(f"one that is {before.status} cannot be {action.to}, only {', '.join(able)}")
        if action.to == "rejected" and not action.why:
            raise Rejected("say why it is rejected")
        figures = {name: getattr(action, name) for name in ("factor", "low", "high", "measured_on")}
        return replace(
            before,
            version=before.version + 1,
            status=action.to,
            done_ms=now_ms if action.to == "done" else before.done_ms,
            by=action.who,
            why=action.why,
            at_ms=now_ms,
            **(figures if action.to == "measured" else {}),
        )

    def restore(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from the states of all."""
        self.by_id = {name: Recommendation(**state) for name, state in states.items()}
