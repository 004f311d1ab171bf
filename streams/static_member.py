"""A member of a consumer group under a stable name, and the end of one whose name somebody else has taken.

aiokafka names the instance when it joins, and neither in heartbeats nor in commits. So a worker that was replaced under
its own name only learns that its member id is unknown, takes a new one, and replaces the other in turn, for ever. Here
it keeps its old id when it joins again: the coordinator then says whether the name is somebody else's by now
(FENCED_INSTANCE_ID), or nobody's, because the session had timed out (UNKNOWN_MEMBER_ID), and only then a new id is
right.

Replaces private parts of aiokafka 0.14.0, which is pinned exactly.
"""

from __future__ import annotations

from typing import Any, Final

from livewarden.errors import SetupError

NO_MEMBER: Final = ""
NO_GENERATION: Final = -1
UNKNOWN_MEMBER_ID: Final = 25
FENCED_INSTANCE_ID: Final = 82
JOIN_GROUP: Final = 11


class StaticMember:
    """Watches the coordinator of one consumer; `fenced` is true once its name was taken."""

    def __init__(self, coordinator: Any) -> None:
        self.fenced = False
        self._coordinator = coordinator
        self._send = coordinator._send_req
        coordinator._send_req = self._send_req
        coordinator.reset_generation = self._reset_generation

    def check(self) -> None:
        """SetupError where another worker has this one's name."""
        if self.fenced:
            raise SetupError(
                f"another worker has taken the name {self._coordinator._group_instance_id!r} in the group"
                f" {self._coordinator.group_id!r}, and this one ends: give each worker a LIVEWARDEN_MEMBER of its own"
            )

    async def _send_req(self, request: Any) -> Any:
        response = await self._send(request)
        if getattr(response, "API_KEY", None) == JOIN_GROUP:
            if response.error_code == FENCED_INSTANCE_ID:
                self.fenced = True
            if response.error_code == UNKNOWN_MEMBER_ID:
                self._coordinator.member_id = NO_MEMBER
        return response

    def _reset_generation(self) -> None:
        self._coordinator.generation = NO_GENERATION
        self._coordinator.request_rejoin()
