"""The River face of a bank: one series, judged and taught by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from river.base import AnomalyDetector

from models.detect.bank import Bank, Floats, Rows
from models.detect.judgement import Judgement


class OneSeries(AnomalyDetector):  # type: ignore[misc]
    """A bank of one series as a River anomaly detector. A subclass makes the bank from its own parameters.

    `x` is `{"value": float, "time_ms": int}` and, where known, `"exposure"`. It says the same as the bank would of that
    series among thousands; a bank is far cheaper per series.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._row: Rows = bank.add(np.array([-1], dtype=np.intp))

    def score_one(self, x: dict[str, float]) -> float:
        """The score of `judge_one`."""
        return self.judge_one(x).score

    def judge_one(self, x: dict[str, float]) -> Judgement:
        """Judge a bucket without learning from it."""
        return self._bank.judge(self._row, *_columns(x)).one(0)

    def learn_one(self, x: dict[str, float]) -> None:
        """Learn a bucket; what is anomalous only in part."""
        self._bank.learn(self._row, *_columns(x))

    def learn_quiet(self, buckets: int) -> None:
        """Learn that many empty buckets at once."""
        self._bank.learn_quiet(self._row, buckets)

    def forget_recent(self) -> None:
        """After a gap: drop the running windows, keep the baseline."""
        self._bank.forget_recent(self._row)

    def reanchor(self) -> None:
        """A new normal was said: take the recent level as the baseline."""
        self._bank.reanchor(self._row)

    def widen(self) -> None:
        """Something was changed on purpose: trust the level less."""
        self._bank.widen(self._row)

    def snapshot(self) -> Any:
        """All state as plain JSON values."""
        return self._bank.snapshot(int(self._row[0]))

    def restore(self, state: Any) -> None:
        """Go on from `snapshot` as if never interrupted."""
        self._bank.restore(int(self._row[0]), state)


def _columns(x: dict[str, float]) -> tuple[Floats, int, Floats | None]:
    exposure = x.get("exposure")
    return np.array([x["value"]], dtype=float), int(x["time_ms"]), None if exposure is None else np.array([exposure])
