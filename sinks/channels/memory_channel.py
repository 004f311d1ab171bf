"""A channel in memory: for trying things out and for tests. It keeps the same promises."""

from __future__ import annotations

from livewarden.errors import RetryLater
from sinks.channels.channel import Outgoing


class MemoryChannel:
    """Keeps what it is sent, in order; gone with the process.

    >>> import asyncio
    >>> channel = MemoryChannel("on-call")
    >>> asyncio.run(channel.send(Outgoing("n1", "i1", "new", "critical", "Orders fell", "", "")))
    >>> [each.title for each in channel.sent]
    ['Orders fell']
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[Outgoing] = []
        self._refusal = ""
        self._refusals = 0

    def refuse(self, reason: str, times: int = 1_000_000) -> None:
        """Fail the next `times` sends for that reason; 0 mends it at once."""
        self._refusal, self._refusals = reason, times

    async def send(self, outgoing: Outgoing) -> None:
        """See `Channel.send`."""
        if self._refusals > 0:
            self._refusals -= 1
            raise RetryLater(self._refusal)
        self.sent.append(outgoing)
