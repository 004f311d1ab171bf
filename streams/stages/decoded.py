"""What the stages say to each other, read back from Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import orjson

from livewarden.errors import InvalidEvent
from streams.stages.marker import Passed
from streams.stages.output import MOST_DETAIL, Output, WireRecord, readable
from streams.stages.rows import dead_row, pass_over

T = TypeVar("T")


class Listener(Protocol):
    """A stage that reads what another one says."""

    topic: str
    next_offset: int
    output: Output


def decoded(
    stage: Listener, records: Iterable[WireRecord], read: Callable[[Any], T], reason: str
) -> Iterator[tuple[WireRecord, T]]:
    """What records say, in offset order, moving the stage's `next_offset`; those below it were taken before and are
    skipped.

    What `read` does not understand (ValueError, KeyError, TypeError) becomes a dead letter with that `reason`.
    """
    for record in records:
        if record.offset < stage.next_offset:
            continue
        before, stage.next_offset = stage.next_offset, record.offset + 1
        if isinstance(record, Passed):
            pass_over(stage.topic, record, before, stage.output)
            continue
        try:
            readable(record)
            said = read(orjson.loads(record.value or b"null"))
        except InvalidEvent as error:
            stage.output.row("dead_letters", dead_row(stage.topic, record, error))
            continue
        except (ValueError, KeyError, TypeError) as error:
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:MOST_DETAIL]
            stage.output.row("dead_letters", dead_row(stage.topic, record, InvalidEvent(reason, detail)))
            continue
        yield record, said
