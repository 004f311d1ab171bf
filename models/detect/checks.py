"""Conformance: what every detector must obey, one plain function a rule, each raising AssertionError that says what
broke.

A new detector is tried with `for check in yield_checks(MyDetector, "traffic"): check()`.
"""

from __future__ import annotations

import json
import math
import pickle
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial, update_wrapper
from typing import Literal

from livewarden.times import HOUR_MS, MINUTE_MS
from models.detect.judgement import Detector, Judgement

Kind = Literal["traffic", "enforcement"]
"""What a detector judges: sums and ratios of any unit, or counts."""
NewDetector = Callable[[], Detector]
"""Makes a detector that has seen nothing."""

HISTORY = 1500
"""Buckets after which a detector must know what is normal; more than a day of minutes."""
START_MS = 1_772_409_600_000
ANOMALOUS = 3.0
"""The lowest threshold that a monitor can have: what scores less is never notified."""


def yield_checks(detector_factory: NewDetector, kind: Kind, bucket_ms: int = MINUTE_MS) -> Iterator[Callable[[], None]]:
    """All checks that apply to detectors of that kind, ready to call; each has the name of its rule."""
    checks = [
        check_score_does_not_mutate,
        check_resume_equals_uninterrupted,
        check_memory_is_bounded,
        check_not_finite_is_harmless,
        check_constant_is_silent,
        check_cold_start_is_not_ready,
        check_gap_is_no_spike,
        check_deterministic,
        check_anomaly_is_not_learned,
    ]
    if kind == "traffic":
        checks.append(check_units_free)
    for check in checks:
        yield update_wrapper(partial(check, detector_factory, kind, bucket_ms), check)


def ordinary(kind: Kind, buckets: int, seed: int = 7) -> list[float]:
    """A stream with nothing anomalous in it: about 1,000 ± 30 for traffic, counts of mean 20 for enforcement."""
    rng = random.Random(seed)
    if kind == "traffic":
        return [1000.0 + rng.gauss(0.0, 30.0) for _ in range(buckets)]
    return [float(sum(rng.random() < 0.1 for _ in range(200))) for _ in range(buckets)]


def check_score_does_not_mutate(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """Judging changes neither the detector nor its input, however often and whatever is judged."""
    judged, unjudged = new(), new()
    for index, value in enumerate(ordinary(kind, HISTORY)):
        for asked in (value, 0.0, 50.0 * value):
            x = _x(asked, index, bucket_ms)
            judged.judge_one(x)
            assert x == _x(asked, index, bucket_ms), "judge_one changed its input"
        judged.learn_one(_x(value, index, bucket_ms))
        unjudged.learn_one(_x(value, index, bucket_ms))
    assert _state(judged) == _state(unjudged), "judge_one changed what the detector remembers"
    tail = ordinary(kind, 50, seed=8)
    assert _run(judged, tail, bucket_ms, HISTORY) == _run(unjudged, tail, bucket_ms, HISTORY), (
        "a detector that was asked often answers otherwise than one that was not"
    )


def check_resume_equals_uninterrupted(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """Snapshot to JSON text and back, at any point: every later judgement is equal to the last bit."""
    values = ordinary(kind, HISTORY)
    values[900:910] = [10.0 * value for value in values[900:910]]
    breaks: dict[str, Callable[[Detector], None]] = {
        "": lambda detector: None,
        " and forget_recent": lambda detector: detector.forget_recent(),
        " and reanchor": lambda detector: detector.reanchor(),
        " and learn_quiet": lambda detector: detector.learn_quiet(40),
    }
    on_its_way, done = new(), 0
    for cut in (0, 1, 30, 60, 730, 905, HISTORY - 100):
        _run(on_its_way, values[done:cut], bucket_ms, done)
        done = cut
        for name, happens in breaks.items():
            kept = deepcopy(on_its_way)
            happens(kept)
            resumed = new()
            resumed.restore(json.loads(_state(kept)))
            rest = values[cut : cut + 100]
            same = _run(kept, rest, bucket_ms, cut) == _run(resumed, rest, bucket_ms, cut)
            assert same, f"resumed after {cut} buckets{name}, it judges otherwise than uninterrupted"
            assert _state(kept) == _state(resumed), f"resumed after {cut} buckets{name}, it remembers something else"


def check_memory_is_bounded(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """Neither the object nor its snapshot grows with the number of buckets, once every hour of the week was seen."""
    detector = new()
    stride = HOUR_MS + bucket_ms
    for index, value in enumerate(ordinary(kind, 600)):
        detector.learn_one(_x(value, index, stride))
    before = len(pickle.dumps(detector)), len(_state(detector))
    for index, value in enumerate(ordinary(kind, 2400, seed=8), start=600):
        detector.learn_one(_x(value, index, stride))
    after = len(pickle.dumps(detector)), len(_state(detector))
    for what, small, large in zip(("object", "snapshot"), before, after, strict=True):
        assert large <= 1.2 * small + 64, f"the {what} grew from {small} to {large} bytes with five times the buckets"


def check_not_finite_is_harmless(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """NaN and ±infinity are not judged, not learned and raise nothing."""
    for history in (0, 100, HISTORY):
        detector = new()
        _run(detector, ordinary(kind, history), bucket_ms)
        before = _state(detector)
        for value in (math.nan, math.inf, -math.inf):
            x = _x(value, history, bucket_ms)
            judgement = detector.judge_one(x)
            assert judgement.score == 0.0, f"{value} scores {judgement.score}"
            assert not judgement.ready, f"{value} is judged"
            detector.learn_one(x)
            assert _state(detector) == before, f"{value} is learned"


def check_constant_is_silent(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """A stream of one and the same value is never anomalous, whichever value it is."""
    for constant in (0.0, 1.0, 20.0, 1e6):
        scores = [judgement.score for judgement in _run(new(), [constant] * HISTORY, bucket_ms)]
        assert max(scores) < 1.0, f"the constant {constant} scores {max(scores)}"


def check_cold_start_is_not_ready(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """With little history whatever comes is not judged (score 0.0); with enough it is."""
    detector = new()
    for index, value in enumerate(ordinary(kind, 10)):
        for asked in (value, 0.0, 1e6):
            judgement = detector.judge_one(_x(asked, index, bucket_ms))
            assert not judgement.ready, f"it judges after {index} buckets"
            assert judgement.score == 0.0, f"it scores {judgement.score} while it is not ready"
        detector.learn_one(_x(value, index, bucket_ms))
    late = _run(detector, ordinary(kind, HISTORY, seed=8), bucket_ms, 10)[-1]
    assert late.ready, f"it is not ready after {HISTORY} buckets"


def check_units_free(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """The score of 1,000·x equals that of x: cents judge as euros do. For traffic; counts have a unit, themselves."""
    values = ordinary(kind, HISTORY)
    values[1000:1020] = [0.3 * value for value in values[1000:1020]]
    small = _run(new(), values, bucket_ms)
    large = _run(new(), [1000.0 * value for value in values], bucket_ms)
    for index, (one, other) in enumerate(zip(small, large, strict=True)):
        same = math.isclose(one.score, other.score, rel_tol=1e-6, abs_tol=1e-6)
        assert same, f"bucket {index} scores {one.score}, and {other.score} in another unit"


def check_gap_is_no_spike(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """After `forget_recent`, ordinary buckets are ordinary, whatever the last ones before the gap held."""
    detector = new()
    values = ordinary(kind, HISTORY)
    values[-20:] = [5.0 * value for value in values[-20:]]
    _run(detector, values, bucket_ms)
    detector.forget_recent()
    after = _run(detector, ordinary(kind, 60, seed=8), bucket_ms, HISTORY + 100)
    worst = max(judgement.score for judgement in after)
    assert worst < ANOMALOUS, f"an ordinary bucket after the gap scores {worst}"


def check_deterministic(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """Equal input, equal judgements and equal state: no hidden randomness."""
    values = ordinary(kind, HISTORY)
    before = random.getstate()
    outcomes = []
    for seed in (1, 2):
        random.seed(seed)
        detector = new()
        outcomes.append((_run(detector, values, bucket_ms), _state(detector)))
    random.setstate(before)
    assert outcomes[0] == outcomes[1], "the same stream was judged in two ways"


def check_anomaly_is_not_learned(new: NewDetector, kind: Kind = "traffic", bucket_ms: int = MINUTE_MS) -> None:
    """Ten buckets of ten times the usual leave an expectation below twice the usual."""
    detector = new()
    values = ordinary(kind, HISTORY)
    _run(detector, values, bucket_ms)
    usual = detector.judge_one(_x(values[-1], HISTORY, bucket_ms)).expected
    _run(detector, [10.0 * value for value in ordinary(kind, 10, seed=8)], bucket_ms, HISTORY)
    expected = detector.judge_one(_x(values[-1], HISTORY + 10, bucket_ms)).expected
    assert expected < 2.0 * usual, f"it expected {usual:.1f}, and {expected:.1f} after the incident"


def _x(value: float, index: int, step_ms: int) -> dict[str, float]:
    return {"value": value, "time_ms": START_MS + index * step_ms}


def _run(detector: Detector, values: list[float], step_ms: int, first: int = 0) -> list[Judgement]:
    """Judge, then learn, each value in turn."""
    judgements = []
    for index, value in enumerate(values, start=first):
        x = _x(value, index, step_ms)
        judgements.append(detector.judge_one(x))
        detector.learn_one(x)
    return judgements


def _state(detector: Detector) -> str:
    return json.dumps(detector.snapshot())
