"""A bank: the online models of all series of a monitor, judged and taught together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.detect.judgement import Judgement

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
"""Which series: their places in the bank."""


class Judgements(NamedTuple):
    """What a bank says of one bucket of many series: one `Judgement` a series, in columns (`up`: the direction)."""

    score: Floats
    up: NDArray[np.bool_]
    expected: Floats
    ready: NDArray[np.bool_]
    scan_buckets: NDArray[np.int64]
    scan_observed: Floats
    scan_expected: Floats

    def one(self, index: int) -> Judgement:
        """The judgement of the series asked for at that position."""
        return Judgement(
            float(self.score[index]),
            "UP" if self.up[index] else "DOWN",
            float(self.expected[index]),
            bool(self.ready[index]),
            int(self.scan_buckets[index]),
            float(self.scan_observed[index]),
            float(self.scan_expected[index]),
        )


class Bank(Protocol):
    """Online models of many series, side by side: judge, then learn. It knows nothing of thresholds, alerts or Kafka.

    What it says of a series depends on that series and its parent alone, whoever else is judged with it. A *parent* is
    the series of a wider slice of the same monitor (a row of the same bank): a series that is new or thin borrows from
    it how large, how noisy and of which shape it is to be expected.
    """

    @property
    def bytes_per_row(self) -> int:
        """What the state of one series takes."""
        ...

    @property
    def faults(self) -> Mapping[int, str]:
        """Why a series is not judged any more, by row; empty where a model cannot fail."""
        return {}

    def add(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; −1 for one without a parent.

        A parent is added before its children.
        """
        ...

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others. The children of a parent are dropped before it or with
        it.
        """
        ...

    def judge(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> Judgements:
        """Judge the bucket that starts at `time_ms`, without learning from it. A value that is not finite is not
        judged.

        `exposure`: what each value is out of, relative to its usual (1.0); the expectation grows in proportion to it.
        """
        ...

    def learn(self, rows: Rows, values: Floats, time_ms: int, exposure: Floats | None = None) -> None:
        """Learn a bucket; what is anomalous is learned only in part, so that an incident does not become normal."""
        ...

    def learn_quiet(self, rows: Rows, buckets: int) -> None:
        """Learn that many empty buckets at once: the past of series that are seen for the first time."""
        ...

    def forget_recent(self, rows: Rows) -> None:
        """After a gap: drop the running windows, keep the baseline."""
        ...

    def reanchor(self, rows: Rows) -> None:
        """A new normal was said: take the recent level as the baseline, keep the shape."""
        ...

    def widen(self, rows: Rows) -> None:
        """The platform said that it changed something here: trust the level less, so that a new one is learned fast."""
        ...

    def snapshot(self, row: int) -> Any:
        """All state of a series as plain JSON values."""
        ...

    def restore(self, row: int, state: Any) -> None:
        """Go on from `snapshot` as if never interrupted. A state of another layout raises ValueError."""
        ...
