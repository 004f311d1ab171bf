"""What a detector says of one bucket of one series."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

Direction = Literal["UP", "DOWN"]


class Judgement(NamedTuple):
    """A score and what it rests on.

    `score` is about −log₁₀ of the probability to see something this unusual in a normal bucket: 0 is ordinary, larger
    is stranger, no upper limit; 0.0 while `ready` is false (too little history to say anything). `expected` is what the
    bucket was predicted to hold. `scan_*` tell over how many buckets the oddness was found and what they held together.
    """

    score: float
    direction: Direction
    expected: float
    ready: bool
    scan_buckets: int = 1
    scan_observed: float = 0.0
    scan_expected: float = 0.0


class Detector(Protocol):
    """One online model of one series: judges, then learns. It knows nothing of thresholds, alerts or Kafka.

    `x` is `{"value": float, "time_ms": int}`: the bucket's value and its start; and `"exposure"`, where it is known, of
    which the value is a part (see `models.detect.bank.Bank`).
    """

    def judge_one(self, x: dict[str, float]) -> Judgement:
        """Judge a bucket without learning from it."""
        ...

    def learn_one(self, x: dict[str, float]) -> None:
        """Learn a bucket; what is anomalous is learned only in part, so that an incident does not become normal."""
        ...

    def learn_quiet(self, buckets: int) -> None:
        """Learn that many buckets without any event at once: the past of a series that is seen for the first time."""
        ...

    def forget_recent(self) -> None:
        """After a gap: drop the running windows, keep the baseline."""
        ...

    def reanchor(self) -> None:
        """A new normal was said: take the recent level as the baseline."""
        ...

    def widen(self) -> None:
        """Something was changed on purpose: trust the level less, so that a new one is learned fast."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """All state as plain JSON values."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `snapshot` as if never interrupted."""
        ...
