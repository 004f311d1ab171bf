"""What others would use: River's stock detectors and an exponentially weighted z-score, behind one face; and our bank.

A `Step` takes a value and its time in milliseconds, and returns how anomalous the value was before it is learned:
larger is stranger, in units of its own. Each starts from nothing, sees every value once, and answers 0 for its first 50
rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from river import anomaly, preprocessing, stats, time_series

from models.detect.bank import Bank
from models.detect.traffic.bank import TrafficBank

Step = Callable[[float, int], float]
WARM_UP = 50


class Candidate(NamedTuple):
    """A detector to try: how to make a fresh one for a series, and how many rows of each series it is given (None:
    all).

    A bank is made once for all series: it says of each what it would say of it alone.
    """

    new: Callable[[], Step] | None = None
    rows: int | None = None
    bank: Callable[[], Bank] | None = None


def by_target(model: Any) -> Step:
    """A River detector of anomalous targets (`score_one(x, y)`)."""
    seen = 0

    def step(value: float, time_ms: int) -> float:
        nonlocal seen
        try:
            score = model.score_one(None, value) if seen >= WARM_UP else 0.0
        except TypeError:  # a rolling variance that rounding made negative has a complex deviation
            score = 0.0
        model.learn_one(None, value)
        seen += 1
        return _finite(score)

    return step


def by_features(model: Any) -> Step:
    """A River detector of anomalous features (`score_one(x)`), given the value and its change."""
    seen, last = 0, 0.0

    def step(value: float, time_ms: int) -> float:
        nonlocal seen, last
        x = {"value": value, "change": value - last if seen else 0.0}
        score = model.score_one(x) if seen >= WARM_UP else 0.0
        model.learn_one(x)
        seen, last = seen + 1, value
        return _finite(score)

    return step


def ew_z(fading: float) -> Step:
    """Distance to an exponentially weighted mean in exponentially weighted standard deviations."""
    mean, var = stats.EWMean(fading), stats.EWVar(fading)
    seen = 0

    def step(value: float, time_ms: int) -> float:
        nonlocal seen
        score = abs(value - mean.get()) / (math.sqrt(max(var.get(), 0.0)) + 1e-9) if seen >= WARM_UP else 0.0
        mean.update(value)
        var.update(value)
        seen += 1
        return score

    return step


def holt() -> Any:
    """River's predictive detector over Holt's linear smoothing."""
    return anomaly.PredictiveAnomalyDetection(
        time_series.HoltWinters(alpha=0.3, beta=0.1), horizon=1, n_std=3.0, warmup_period=WARM_UP
    )


def snarimax() -> Any:
    """River's predictive detector over an online ARIMA."""
    return anomaly.PredictiveAnomalyDetection(
        time_series.SNARIMAX(p=5, d=1, q=2), horizon=1, n_std=3.0, warmup_period=WARM_UP
    )


def _finite(score: float) -> float:
    return float(score) if math.isfinite(score) else 0.0


CANDIDATES: dict[str, Candidate] = {
    "traffic": Candidate(bank=TrafficBank),
    "traffic-no-season": Candidate(bank=lambda: TrafficBank("none")),
    "traffic-week": Candidate(bank=lambda: TrafficBank("week")),
    "ew-z-0.01": Candidate(lambda: ew_z(0.01)),
    "ew-z-0.1": Candidate(lambda: ew_z(0.1)),
    "GaussianScorer": Candidate(lambda: by_target(anomaly.GaussianScorer())),
    "GaussianScorer-1440": Candidate(lambda: by_target(anomaly.GaussianScorer(window_size=1440))),
    "StandardAbsoluteDeviation": Candidate(lambda: by_target(anomaly.StandardAbsoluteDeviation())),
    "PredictiveAnomalyDetection-Holt": Candidate(lambda: by_target(holt())),
    "PredictiveAnomalyDetection-SNARIMAX": Candidate(lambda: by_target(snarimax()), 20_000),
    "OneClassSVM": Candidate(
        lambda: by_features(preprocessing.StandardScaler() | anomaly.OneClassSVM(nu=0.01)), 20_000
    ),
    "HalfSpaceTrees": Candidate(
        lambda: by_features(preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=10, height=8, seed=1)), 5_000
    ),
    "LODA": Candidate(lambda: by_features(anomaly.LODA(seed=1)), 5_000),
    "LocalOutlierFactor": Candidate(lambda: by_features(anomaly.LocalOutlierFactor(n_neighbors=10)), 300),
}
"""The heavy ones get the first rows of each series only. QuantileFilter and ThresholdFilter choose a threshold over
another detector's score, which the benchmark does for all alike."""
