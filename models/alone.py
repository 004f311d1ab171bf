"""A bank of detectors that each judge one series: how a River estimator takes the place of a bank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.bank import Floats, Judgements, Rows
from models.judgement import Detector, Judgement


class Alone:
    """One detector object a series, without parents: simple, and some microseconds a series slower than columns.

    >>> from models.enforcement_scan import EnforcementScan
    >>> bank = Alone(EnforcementScan)
    >>> rows = bank.add(np.array([-1, -1]))
    >>> bank.judge(rows, np.array([1.0, 2.0]), 0).ready.tolist()
    [False, False]
    """

    def __init__(self, new: Callable[[], Detector]) -> None:
        self._new = new
        self._detectors: dict[int, Detector] = {}
        self._next = 0

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; who the parents are is not looked at."""
        rows = np.arange(self._next, self._next + len(parents), dtype=np.intp)
        self._next += len(parents)
        self._detectors.update((int(row), self._new()) for row in rows)
        return rows

    def drop(self, rows: Rows) -> None:
        """Forget series."""
        for row in rows.tolist():
            del self._detectors[row]

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge the bucket that starts at `time_ms`, series by series."""
        found = [
            self._detectors[row].judge_one(x)
            for row, x in zip(rows.tolist(), _inputs(values, time_ms, exposure), strict=True)
        ]
        return _in_columns(found)

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a bucket, series by series."""
        for row, x in zip(rows.tolist(), _inputs(values, time_ms, exposure), strict=True):
            self._detectors[row].learn_one(x)

    def learn_quiet(self, rows: Rows, buckets: int) -> None:
        """Learn that many empty buckets at once."""
        for row in rows.tolist():
            self._detectors[row].learn_quiet(buckets)

    def forget_recent(self, rows: Rows) -> None:
        """After a gap: drop the running windows, keep the baseline."""
        for row in rows.tolist():
            self._detectors[row].forget_recent()

    def reanchor(self, rows: Rows) -> None:
        """A new normal was said: take the recent level as the baseline."""
        for row in rows.tolist():
            self._detectors[row].reanchor()

    def loosen(self, rows: Rows) -> None:
        """Something was changed on purpose: trust the level less."""
        for row in rows.tolist():
            self._detectors[row].loosen()

    def snapshot(self, row: int) -> Any:
        """All state of a series as plain JSON values."""
        return self._detectors[row].snapshot()

    def restore(self, row: int, state: Any) -> None:
        """Go on from `snapshot`."""
        self._detectors[row].restore(state)


def _inputs(values: Floats, time_ms: int, exposure: Floats | None) -> list[dict[str, float]]:
    inputs: list[dict[str, float]] = [{"value": value, "time_ms": time_ms} for value in values.tolist()]
    if exposure is not None:
        for x, part in zip(inputs, exposure.tolist(), strict=True):
            x["exposure"] = part
    return inputs


def _in_columns(found: list[Judgement]) -> Judgements:
    score, direction, expected, ready, buckets, observed, meant = zip(*found, strict=True) if found else ((),) * 7
    return Judgements(
        np.array(score, dtype=np.float64),
        np.array([way == "UP" for way in direction], dtype=np.bool_),
        np.array(expected, dtype=np.float64),
        np.array(ready, dtype=np.bool_),
        np.array(buckets, dtype=np.int64),
        np.array(observed, dtype=np.float64),
        np.array(meant, dtype=np.float64),
    )
