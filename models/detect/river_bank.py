"""Any River model as a bank: one model a series, guarded, its score put on the scale of every other detector."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from river.anomaly import GaussianScorer, HalfSpaceTrees
from river.base import Regressor, SupervisedAnomalyDetector
from river.compose import Pipeline

from livewarden.times import DAY_MS, HOUR_MS
from models.detect.bank import Bank, Floats, Judgements, Rows
from models.monitors.river_model import load, save

FEATURES: Final = ("value", "hour", "weekday")
"""What a model may be given of a bucket: its value, the hour of the day (0 to below 24, UTC),
the day of the week (Monday 0).
"""
WARM_UP: Final = 120
"""Scores before a series is judged: of so many the usual tail is known. One that is the same as the one before it does
not count: some models answer 0 until their first window is full."""
UNASKED: Final = 60
"""Buckets that a forecasting model learns before it is asked for the next one."""
KEPT: Final = 480
"""Scores that the tail is read from: the last so many that were not anomalous."""
MOST_BYTES: Final = 256 * 1024
"""What the saved state of one series may take; a model that grows beyond it is given up."""
LOOK_EVERY: Final = 50
"""Buckets between two looks at how large a model is."""
HIGHEST: Final = 30.0
ANOMALOUS: Final = 3.0
"""From this score on a bucket is not learned: an incident must not become normal."""
LASTING: Final = 60
"""… save when so many in a row are anomalous."""
MEMORY: Final = 1 / 64
"""Weight of a new value in the level that is said to be expected, for models that predict none."""
SHARES: Final = (GaussianScorer, HalfSpaceTrees)
"""Models whose score is a share of 1."""
LN10: Final = math.log(10.0)


class _Series:
    """A model and what is known of its scores."""

    __slots__ = ("anomalous", "fault", "last", "level", "model", "scores", "seen", "taught")

    def __init__(self, model: Any) -> None:
        self.model = model
        self.scores: list[float] = []
        self.level: float | None = None
        self.last: float | None = None
        self.seen = 0
        self.taught = 0
        self.anomalous = 0
        self.fault = ""


class RiverBank(Bank):
    """Judges with `make()`, a River anomaly detector, regressor, or a pipeline that ends in one; see
    `models.monitors.river_model`.

    A model's own score has any unit. The tail of its last `KEPT` scores gives it one: the highest tenth is taken to
    fall off exponentially (as the peaks over a threshold of Siffer et al., KDD 2017, with a shape of zero), and what is
    said is −log₁₀ of the probability of a score as high. So a monitor's alert budget means the same for every detector,
    as far as scores are alike from bucket to bucket; where they are not (a shape of the day that the model does not
    know), it costs more than the budget. A regressor's score is how far off its prediction was.

    No number that is not finite reaches a model. One that raises, answers with anything but a finite number, or grows
    beyond `MOST_BYTES` is given up: its series is not judged any more and `faults` says why, until the monitor changes
    or its state is begun anew. It is slow: one to a hundred microseconds a series and bucket, and up to `MOST_BYTES` a
    series. For some hundred series, and for trying a model in a replay.

    >>> from models.monitors.river_model import make
    >>> bank = RiverBank(lambda: make("anomaly.GaussianScorer", {}), ("value",))
    >>> row = bank.add(np.array([-1]))
    >>> for minute in range(400):
    ...     bank.learn(row, np.array([100.0 + minute % 7]), minute * 60_000)
    >>> float(bank.judge(row, np.array([104.0]), 400 * 60_000).score[0]) < 2
    True
    >>> float(bank.judge(row, np.array([900.0]), 400 * 60_000).score[0]) > 3
    True
    """

    def __init__(self, make: Callable[[], Any], features: Sequence[str] = ("value",)) -> None:
        self._make = make
        self._features = tuple(features)
        self._series: list[_Series] = []
        self._free: list[int] = []

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series may take at most."""
        return MOST_BYTES

    @property
    def faults(self) -> Mapping[int, str]:
        """Why a series is not judged any more, by row."""
        return {row: each.fault for row, each in enumerate(self._series) if each.fault}

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; none borrows from a parent."""
        rows = []
        for _ in parents:
            if self._free:
                row = self._free.pop()
                self._series[row] = _Series(self._make())
            else:
                row = len(self._series)
                self._series.append(_Series(self._make()))
            rows.append(row)
        return np.array(rows, dtype=np.intp)

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        for row in rows.tolist():
            self._series[row] = _Series(None)
            self._free.append(row)

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge the bucket that starts at `time_ms`; ready after `WARM_UP` buckets. An exposure is not regarded."""
        count = len(rows)
        score, expected, ready = np.zeros(count), np.array(values, dtype=float), np.zeros(count, dtype=bool)
        for at, (row, value) in enumerate(zip(rows.tolist(), values.tolist(), strict=True)):
            series = self._series[row]
            found = self._ask(series, value, time_ms)
            if found is None:
                continue
            raw, predicted = found
            level = series.level if predicted is None else predicted
            expected[at] = value if level is None else level
            ready[at] = series.seen >= WARM_UP
            score[at] = _improbable(raw, series.scores) if ready[at] else 0.0
        ones = np.ones(count, dtype=np.int64)
        return Judgements(score, values >= expected, expected, ready, ones, np.array(values, dtype=float), expected)

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a bucket, unless it is anomalous and the ones before it were not."""
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            series = self._series[row]
            if series.model is None or not math.isfinite(value):
                continue
            found = self._ask(series, value, time_ms)
            if series.model is not None and (found is None or self._ordinary(series, found[0])):
                series.level = value if series.level is None else series.level + MEMORY * (value - series.level)
                self._teach(series, value, time_ms)

    @staticmethod
    def _ordinary(series: _Series, raw: float) -> bool:
        """Keep a score, unless it is anomalous and the ones before it were not; whether the bucket is to be learned."""
        anomalous = series.seen >= WARM_UP and _improbable(raw, series.scores) >= ANOMALOUS
        series.anomalous = series.anomalous + 1 if anomalous else 0
        if anomalous and series.anomalous < LASTING:
            return False
        if raw != series.last:
            series.scores.append(raw)
            del series.scores[:-KEPT]
            series.seen += 1
        series.last = raw
        return True

    def learn_quiet(self, rows: Rows, buckets: int) -> None:
        """Nothing: a model is taught what it sees."""

    def forget_recent(self, rows: Rows) -> None:
        """After a gap: what was anomalous before it is not continued."""
        for row in rows.tolist():
            self._series[row].anomalous = 0

    def reanchor(self, rows: Rows) -> None:
        """A new normal was said: the model begins anew."""
        for row in rows.tolist():
            if not self._series[row].fault:
                self._series[row] = _Series(self._make())

    def widen(self, rows: Rows) -> None:
        """Something was changed on purpose: the next buckets are learned, whatever they are."""
        for row in rows.tolist():
            self._series[row].anomalous = LASTING

    def snapshot(self, row: int) -> Any:
        """All state of a series as plain JSON values."""
        each = self._series[row]
        kept = {
            name: getattr(each, name) for name in ("scores", "level", "last", "seen", "taught", "anomalous", "fault")
        }
        return kept | (save(each.model) if each.model is not None else {})

    def restore(self, row: int, state: Any) -> None:
        """Go on from `snapshot`; a state of another River is a ValueError."""
        each = self._series[row]
        for name in ("scores", "level", "last", "seen", "taught", "anomalous", "fault"):
            setattr(each, name, state[name])
        each.scores = list(each.scores)
        each.model = load(state) if "model" in state else None

    def _x(self, value: float, time_ms: int) -> dict[str, float]:
        known = {"value": value, "hour": time_ms % DAY_MS / HOUR_MS, "weekday": float((time_ms // DAY_MS + 3) % 7)}
        return {name: known[name] for name in self._features}

    def _ask(self, series: _Series, value: float, time_ms: int) -> tuple[float, float | None] | None:
        """The model's score and, where it predicts one, the value it expected; None where it is not asked or fails."""
        if series.model is None or not math.isfinite(value):
            return None
        if series.taught < UNASKED and hasattr(_steps(series.model)[-1], "forecast"):
            return None
        try:
            score, expected = _score(series.model, self._x(value, time_ms), value)
        except Exception as error:  # noqa: BLE001 - a model of somebody else may raise anything; it must not stop the others
            return self._give_up(series, f"{type(error).__name__}: {error}")
        if not math.isfinite(score) or (expected is not None and not math.isfinite(expected)):
            return self._give_up(series, f"it answered {score if not math.isfinite(score) else expected}")
        return score, expected

    def _teach(self, series: _Series, value: float, time_ms: int) -> None:
        try:
            _learn(series.model, self._x(value, time_ms), value)
            series.taught += 1
            if series.taught % LOOK_EVERY == 0:
                size = len(save(series.model)["model"])
                if size > MOST_BYTES:
                    self._give_up(series, f"it grew to {size:,} bytes")
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(series, f"{type(error).__name__}: {error}")

    @staticmethod
    def _give_up(series: _Series, why: str) -> None:
        series.fault = " ".join(why.split())[:200]
        series.model = None


def _steps(model: Any) -> list[Any]:
    return list(model.steps.values()) if isinstance(model, Pipeline) else [model]


def _score(model: Any, x: dict[str, float], value: float) -> tuple[float, float | None]:
    *before, last = _steps(model)
    if hasattr(last, "forecast"):
        expected = float(model.forecast(1)[0])
        return abs(value - expected), expected
    if isinstance(last, Regressor):
        expected = float(model.predict_one(_others(x)))
        return abs(value - expected), expected
    if isinstance(last, SupervisedAnomalyDetector):
        others = _others(x)
        for step in before:
            others = step.transform_one(others)
        score = float(last.score_one(others, value))
    else:
        score = float(model.score_one(x))
    return _opened(score) if isinstance(last, SHARES) else score, None


def _opened(share: float) -> float:
    """A score that cannot exceed 1, so that what is near 1 differs: −ln of what is left.

    >>> round(_opened(0.99), 2), round(_opened(1.0), 1)
    (4.61, 34.5)
    """
    return abs(math.log(max(1.0 - share, 1e-15))) if math.isfinite(share) else share


def _learn(model: Any, x: dict[str, float], value: float) -> None:
    last = _steps(model)[-1]
    if hasattr(last, "forecast"):
        model.learn_one(value)
    elif isinstance(last, Regressor | SupervisedAnomalyDetector):
        model.learn_one(_others(x), value)
    else:
        model.learn_one(x)


def _others(x: Mapping[str, float]) -> dict[str, float]:
    """What a value is predicted from: everything but itself."""
    return {name: each for name, each in x.items() if name != "value"}


def _improbable(raw: float, scores: Sequence[float]) -> float:
    """−log₁₀ of the probability of a score as high, from the tail of usual ones."""
    ordered = sorted(scores)
    at = (9 * len(ordered)) // 10
    edge, above = ordered[at], ordered[at:]
    scale = max(sum(each - edge for each in above) / len(above), 1e-3 * (abs(edge) + ordered[-1] - ordered[0]), 1e-12)
    if raw <= edge:
        below = sum(each < raw for each in ordered) / len(ordered)
        return max(0.0, -math.log10(1.0 - min(below, 0.9)))
    return min(HIGHEST, 1.0 + (raw - edge) / (scale * LN10))
