"""The archive: events that a worker stored in ClickHouse, as a recording again."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from livewarden.contracts import CONTRACTS
from livewarden.errors import SetupError
from livewarden.event import Event
from sinks.store.reader import Reader
from sinks.store.tables import Row
from sources.codec import to_line

_CONTRACTS = {contract.type_name: contract for contract in CONTRACTS}


async def record(reader: Reader, path: Path, to_ms: int | None = None) -> int:
    """Write the stored events before `to_ms` to `path` (`.jsonl`), partition by partition; returns how many.

    Late and repeated ones are left out, as they were left out of every sum. Each keeps its partition and offset, so a
    replay of the recording sees what live counted, in the order in which live saw it. One whose contract is another
    since it was stored is a SetupError.
    """
    count = 0
    with path.open("w", encoding="utf-8") as file:
        async for row in reader.events(to_ms=to_ms):
            file.write(to_line(event_of_row(row)))
            file.write("\n")
            count += 1
    return count


def event_of_row(row: Row) -> Event:
    """The event of a row of `events`. One whose contract is another since it was stored is a SetupError."""
    try:
        data = _CONTRACTS[row["type"]].model_validate_json(row["data"])
    except (KeyError, ValidationError) as error:
        named = f"event {row['event_id'][:100]!r} of type {row['type']}"
        raise SetupError(f"{named} was stored under another version of its contract") from error
    return Event(row["event_id"], row["source"], row["event_time"], data, row["topic"], row["partition"], row["offset"])
