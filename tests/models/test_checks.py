"""Each conformance check is tried on a small detector that must fail it, and on one that obeys every rule."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from models.detect import checks
from models.detect.judgement import Judgement


class Honest:
    """The smallest detector that obeys: distance to a mean of the first hundred buckets, in units of that mean."""

    def __init__(self) -> None:
        self.seen = 0
        self.mean = 0.0
        self.quiet = False

    def judge_one(self, x: dict[str, float]) -> Judgement:
        value = x["value"]
        if self.seen < 20 or self.quiet or not math.isfinite(value):
            return Judgement(0.0, "UP", self.mean, False)
        score = abs(value - self.mean) / (self.mean + 1e-9)
        return Judgement(score, "UP" if value >= self.mean else "DOWN", self.mean, True, 1, value, self.mean)

    def learn_one(self, x: dict[str, float]) -> None:
        value = x["value"]
        if not math.isfinite(value):
            return
        self.quiet = False
        if self.seen < 100:
            self.mean += (value - self.mean) / (self.seen + 1)
        self.seen += 1

    def learn_quiet(self, buckets: int) -> None:
        self.mean *= self.seen / (self.seen + buckets)
        self.seen += buckets

    def forget_recent(self) -> None:
        self.quiet = True

    def reanchor(self) -> None:
        self.seen = 0

    def snapshot(self) -> dict[str, Any]:
        return {"seen": self.seen, "mean": self.mean, "quiet": self.quiet}

    def restore(self, state: dict[str, Any]) -> None:
        self.seen, self.mean, self.quiet = state["seen"], state["mean"], state["quiet"]


class LearnsByJudging(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        self.seen += 1
        return super().judge_one(x)


class ChangesItsInput(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        judgement = super().judge_one(x)
        x["value"] = 0.0
        return judgement


class RemembersInSecret(Honest):
    """Judging changes what it will say, and its snapshot does not show it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def judge_one(self, x: dict[str, float]) -> Judgement:
        self.asked += 1
        judgement = super().judge_one(x)
        return judgement._replace(score=judgement.score + 1e-9 * self.asked)


class ForgetsItsMean(Honest):
    def restore(self, state: dict[str, Any]) -> None:
        self.seen, self.mean = state["seen"], round(state["mean"], 6)


class ForgetsThatItWasQuiet(Honest):
    def restore(self, state: dict[str, Any]) -> None:
        self.seen, self.mean = state["seen"], state["mean"]


class KeepsEveryValue(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def learn_one(self, x: dict[str, float]) -> None:
        super().learn_one(x)
        self.values.append(x["value"])


class SnapshotsEveryValue(KeepsEveryValue):
    def snapshot(self) -> dict[str, Any]:
        return super().snapshot() | {"values": self.values}


class LearnsNaN(Honest):
    def learn_one(self, x: dict[str, float]) -> None:
        self.mean += 0.01 * (x["value"] - self.mean)
        self.seen += 1


class ScoresInfinity(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        return super().judge_one(x)._replace(score=x["value"])


class CountsNaN(Honest):
    def learn_one(self, x: dict[str, float]) -> None:
        super().learn_one(x if math.isfinite(x["value"]) else x | {"value": self.mean})


class DividesByTheSpread(Honest):
    """A constant has no spread: everything is infinitely far, itself included."""

    def judge_one(self, x: dict[str, float]) -> Judgement:
        judgement = super().judge_one(x)
        return judgement._replace(score=10.0 if judgement.ready else 0.0)


class ReadyAtOnce(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        return super().judge_one(x)._replace(ready=True)


class ScoresWhileCold(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        judgement = super().judge_one(x)
        return judgement if judgement.ready else judgement._replace(score=1.0)


class NeverReady(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        return super().judge_one(x)._replace(ready=False, score=0.0)


class CountsEuros(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        judgement = super().judge_one(x)
        return judgement._replace(score=abs(x["value"] - self.mean) if judgement.ready else 0.0)


class CarriesOverTheGap(Honest):
    """Judges the sum of the last twenty buckets, those before a gap included."""

    def __init__(self) -> None:
        super().__init__()
        self.last: list[float] = []

    def judge_one(self, x: dict[str, float]) -> Judgement:
        judgement = super().judge_one(x)
        held, meant = sum(self.last) + x["value"], self.mean * (len(self.last) + 1)
        return judgement._replace(score=abs(held - meant) / (self.mean + 1e-9) if self.seen > 20 else 0.0)

    def learn_one(self, x: dict[str, float]) -> None:
        super().learn_one(x)
        self.last = [*self.last, x["value"]][-20:]


class ThrowsDice(Honest):
    def judge_one(self, x: dict[str, float]) -> Judgement:
        judgement = super().judge_one(x)
        return judgement._replace(score=judgement.score * random.random())


class LearnsTheIncident(Honest):
    def learn_one(self, x: dict[str, float]) -> None:
        self.mean = x["value"]
        self.seen += 1


@pytest.mark.parametrize(
    ("check", "broken", "says"),
    [
        (checks.check_score_does_not_mutate, LearnsByJudging, "judge_one changed what"),
        (checks.check_score_does_not_mutate, ChangesItsInput, "judge_one changed its input"),
        (checks.check_score_does_not_mutate, RemembersInSecret, "asked often"),
        (checks.check_resume_equals_uninterrupted, ForgetsItsMean, "judges otherwise"),
        (checks.check_resume_equals_uninterrupted, ForgetsThatItWasQuiet, "and forget_recent, it judges otherwise"),
        (checks.check_memory_is_bounded, KeepsEveryValue, "the object grew"),
        (checks.check_memory_is_bounded, SnapshotsEveryValue, "grew"),
        (checks.check_not_finite_is_harmless, LearnsNaN, "nan is learned"),
        (checks.check_not_finite_is_harmless, ScoresInfinity, "scores"),
        (checks.check_not_finite_is_harmless, ReadyAtOnce, "nan is judged"),
        (checks.check_not_finite_is_harmless, CountsNaN, "nan is learned"),
        (checks.check_constant_is_silent, DividesByTheSpread, "the constant 0.0 scores 10.0"),
        (checks.check_cold_start_is_not_ready, ReadyAtOnce, "it judges after 0 buckets"),
        (checks.check_cold_start_is_not_ready, ScoresWhileCold, "it scores 1.0"),
        (checks.check_cold_start_is_not_ready, NeverReady, "it is not ready after"),
        (checks.check_units_free, CountsEuros, "in another unit"),
        (checks.check_gap_is_no_spike, CarriesOverTheGap, "after the gap scores"),
        (checks.check_deterministic, ThrowsDice, "judged in two ways"),
        (checks.check_anomaly_is_not_learned, LearnsTheIncident, "after the incident"),
    ],
)
def test_check_fails_the_detector_that_breaks_its_rule(
    check: Callable[[checks.NewDetector], None], broken: type[Honest], says: str
) -> None:
    with pytest.raises(AssertionError, match=says):
        check(broken)


@pytest.mark.parametrize("check", [*checks.yield_checks(Honest, "traffic")], ids=lambda check: str(check.__name__))
def test_obedient_detector_passes(check: Callable[[], None]) -> None:
    check()


def test_every_check_is_yielded_for_the_kind_that_it_is_for() -> None:
    rules = {name for name in vars(checks) if name.startswith("check_")}
    assert {check.__name__ for check in checks.yield_checks(Honest, "traffic")} == rules
    assert {check.__name__ for check in checks.yield_checks(Honest, "enforcement")} == rules - {"check_units_free"}


def test_checks_leave_the_random_generator_alone() -> None:
    random.seed(3)
    expected = random.random()
    random.seed(3)
    for check in checks.yield_checks(Honest, "enforcement"):
        check()
    assert random.random() == expected
