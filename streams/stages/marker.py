"""What stands in a run of records for offsets that hold no record to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Marker:
    """Looks like a record of the client, so that it travels with them; each kind says what became of its offsets."""

    topic: str
    partition: int
    offset: int
    timestamp: int = -1
    timestamp_type: int = 0
    key: bytes | None = None
    value: bytes | None = None
    checksum: int | None = None
    serialized_key_size: int = -1
    serialized_value_size: int = -1
    headers: Sequence[tuple[str, bytes]] = ()
    detail: str = ""


@dataclass
class Passed(Marker):
    """Offsets up to `offset` that hold nothing to read: markers of transactions, or what was compacted away.

    `lost_from` is 0 or more where records were deleted before they were read: the first offset that was still to come.
    """

    lost_from: int = -1

    def lost(self, next_offset: int) -> int:
        """How many offsets a stage that stands at `next_offset` has lost; a stage that never read has lost none."""
        if self.lost_from < 0 or next_offset == 0:
            return 0
        return max(0, self.offset + 1 - max(self.lost_from, next_offset))


@dataclass
class Unreadable(Marker):
    """An offset whose batch could not be unpacked: `detail` says why. `value` is the whole batch as it came at the
    first of its offsets, None at the others.
    """
