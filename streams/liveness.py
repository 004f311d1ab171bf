"""Whether the group still reads: what stands unread, for how long, and when a worker is no use any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.structs import TopicPartition

TOLD_AFTER_S = 60.0
"""Records of a partition that nobody has got on with for so long are notified about, seconds."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One partition now: the offset after its last record, the next one to process, and whose it is.

    `idle`: it is this worker's, and this worker waits for nobody: neither ClickHouse nor Kafka holds it up.
    """

    end: int
    position: int
    mine: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`unread_s`: seconds without progress of each partition that has unread records and gets more, or is this
    worker's. `standing`: those of them that are worth a word. `stalled`: what this worker should have got on with,
    though nothing keeps it; empty while it is of use."""

    unread_s: Mapping[TopicPartition, float]
    stalled: tuple[TopicPartition, ...] = ()
    standing: tuple[TopicPartition, ...] = ()


@dataclass(frozen=True, slots=True)
class _Since:
    position: int
    end: int
    at_s: float
    idle_at_s: float | None


class Liveness:
    """Looks every few seconds; a look that the broker does not answer begins the wait anew, for nobody can read then.

    `patience_s`: a worker that holds a partition with unread records, waits for nobody, and makes no progress for so
    long is stalled; so is one that has been joining the group for so long while records stand unread. It does badly
    where one record takes longer than that to process.

    >>> tp = TopicPartition("live.traffic", 0)
    >>> liveness = Liveness(40.0)
    >>> liveness.look(0.0, {tp: Seen(end=9, position=4, mine=True, idle=True)}, joining=False).stalled
    ()
    >>> liveness.look(41.0, {tp: Seen(end=9, position=4, mine=True, idle=True)}, joining=False).stalled
    (TopicPartition(topic='live.traffic', partition=0),)
    """

    def __init__(self, patience_s: float, told_after_s: float = TOLD_AFTER_S) -> None:
        self._patience_s = patience_s
        self._told_after_s = told_after_s
        self._since: dict[TopicPartition, _Since] = {}
        self._joining_since: float | None = None

    def silence(self) -> None:
        """The broker did not answer."""
        self._since.clear()
        self._joining_since = None

    def look(self, now_s: float, seen: Mapping[TopicPartition, Seen], *, joining: bool) -> Verdict:
        """`joining`: this worker is between two assignments, and no store holds it up."""
        if not joining:
            self._joining_since = None
        elif self._joining_since is None:
            self._joining_since = now_s
        unread: dict[TopicPartition, float] = {}
        stalled = []
        for tp, now in seen.items():
            since = self._since.get(tp)
            if now.position >= now.end:
                self._since.pop(tp, None)
                continue
            if since is None or now.position != since.position:
                since = _Since(now.position, now.end, now_s, None)
            if not now.idle:
                since = _Since(since.position, since.end, since.at_s, None)
            elif since.idle_at_s is None:
                since = _Since(since.position, since.end, since.at_s, now_s)
            self._since[tp] = since
            # What is left of a transaction is behind the last record for ever; it is no record, and it does not grow.
            if now.mine or now.end > since.end:
                unread[tp] = now_s - since.at_s
            if since.idle_at_s is not None and now_s - since.idle_at_s >= self._patience_s:
                stalled.append(tp)
        if self._joining_since is not None and now_s - self._joining_since >= self._patience_s:
            stalled += [tp for tp, since in self._since.items() if now_s - since.at_s >= self._patience_s]
        standing = sorted(tp for tp, seconds in unread.items() if seconds >= self._told_after_s)
        return Verdict(unread, tuple(sorted(set(stalled))), tuple(standing))
