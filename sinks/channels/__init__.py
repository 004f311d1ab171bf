"""Ways to reach people: each takes one notification, or says why not."""

from __future__ import annotations

from sinks.channels.apprise_channel import AppriseChannel
from sinks.channels.channel import Channel, Outgoing, Target
from sinks.channels.file_channel import FileChannel
from sinks.channels.memory_channel import MemoryChannel
from sinks.channels.opening import open_channels

__all__ = ["AppriseChannel", "Channel", "FileChannel", "MemoryChannel", "Outgoing", "Target", "open_channels"]
