"""What Faust does badly as a member of a consumer group, mended: an empty assignment, and a rebalance that takes long.

Subclasses private parts of faust-streaming 0.15.3, which is pinned exactly.
"""

from __future__ import annotations

import time
from typing import Any

from aiokafka.errors import KafkaError
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery

REFUSALS = 40
"""Incomplete views of the cluster that a leader refuses in a row, about two a second. A topic that is missing for
longer is taken to be gone, and the others are assigned without it."""


class WholeAssignor(PartitionAssignor):  # type: ignore[misc]
    """Assigns when the leader knows the partitions of every topic.

    A broker that has just started answers with no topics at all. Faust would ignore those it does not see and assign
    nothing to anybody; the group would be content with that until somebody asks for the metadata again. As an error it
    makes the leader ask and join once more.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refused = 0

    def assign(self, cluster: Any, member_metadata: Any) -> Any:
        """As Faust, or a KafkaError that names the topics without partitions."""
        wanted = {topic for member in member_metadata.values() for topic in member.subscription}
        missing = sorted(topic for topic in wanted if not cluster.partitions_for_topic(topic))
        if missing and self._refused < REFUSALS:
            self._refused += 1
            raise KafkaError(f"the broker does not know {', '.join(missing)} yet")
        self._refused = 0
        return super().assign(cluster, member_metadata)


class PatientAssignor(WholeAssignor):
    """The same for the embedded broker, whose coordinator refuses followers that sync after the leader."""

    HEAD_START_S = 0.25

    def assign(self, cluster: Any, member_metadata: Any) -> Any:
        """Assign, and as a leader of several give the followers a head start."""
        assignment = super().assign(cluster, member_metadata)
        if len(member_metadata) > 1:
            time.sleep(self.HEAD_START_S)  # runs in the consumer's own thread
        return assignment


class PatientRecovery(Recovery):  # type: ignore[misc]
    """Ends when the service stops, and not before.

    Faust bounds the seek after a rebalance by the request timeout, mode answers a wait that timed out with "stopped",
    and Faust believes it: the task that opens the flow after every rebalance ended for ever, without a line, when the
    broker was away for longer. Here the seek waits for the broker, and the next rebalance cuts it short as before.
    """

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ASYNC109
        await super()._wait(coro)


class PatientTables(TableManager):  # type: ignore[misc]
    """Faust's table manager, which opens the flow also where there are no tables."""

    @property
    def recovery(self) -> PatientRecovery:
        """The service that opens the flow after a rebalance."""
        if self._recovery is None:
            self._recovery: Any = PatientRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        recovery: PatientRecovery = self._recovery
        return recovery
