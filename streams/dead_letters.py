"""Dead letters with what is known of them now: what their contract says today, and what became of them since."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterable

from livewarden.errors import SetupError
from sinks.queries import dead_letters as view
from sinks.queries.dead_letters import WholeDeadLetter
from sinks.store.reader import Reader
from sources.codec import Record
from streams.requeue import FROM_HEADER, Place, Ruling, judge, record_of


async def judged(
    reader: Reader, reason: str, topic: str, *, look_up: bool = True
) -> AsyncIterator[tuple[Place, Record, Ruling, str]]:
    """Every dead letter with its ruling now, and where its event stands already; by place, page by page."""
    at = Place("", 0, 0)
    while page := await view.after(reader, at, reason=reason, topic=topic):
        ruled = [(record, judge(record)) for record in map(record_of, page)]
        found = await there(reader, ruled) if look_up else {}
        for record, ruling in ruled:
            at = Place(record.topic, record.partition, record.offset)
            yield at, record, ruling, found.get(at, "")


async def there(reader: Reader, ruled: Iterable[tuple[Record, Ruling]]) -> dict[Place, str]:
    """Of records that are valid: where an event of the same id and topic stands already."""
    ids = {
        Place(record.topic, record.partition, record.offset): (record.topic, ruling.event.id)
        for record, ruling in ruled
        if ruling.event is not None
    }
    found = await view.events(reader, list(ids.values())) if ids else {}
    return {at: found[each] for at, each in ids.items() if each in found}


async def get(reader: Reader, at: Place) -> WholeDeadLetter:
    """The dead letter at a place, whole; SetupError where there is none."""
    letter = await view.get(reader, *at)
    if letter is None:
        raise SetupError(f"there is no dead letter at {at} (see livewarden dead-letters list)")
    return letter


async def since(reader: Reader, letter: WholeDeadLetter, at: Place) -> list[str]:
    """What is known to have become of it: an event with its id, or a dead letter that names it."""
    headers = json.loads(letter.headers or "{}")
    event_id = headers.get("ce_id") or _id_in(letter.value)
    found = await view.events(reader, [(at.topic, event_id)]) if event_id else {}
    again = await view.sent_again(reader, FROM_HEADER, str(at))
    origin = [f"was {headers[FROM_HEADER]} before"] if headers.get(FROM_HEADER) else []
    return [
        *origin,
        *(f"an event with its id stands at {place}" for place in found.values()),
        *(f"set aside again at {e.topic}/{e.partition}/{e.offset}: {e.reason}" for e in again),
    ]


def _id_in(value: bytes) -> str:
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(value)
        return str(body.get("id") or "") if isinstance(body, dict) and "specversion" in body else ""
    return ""
