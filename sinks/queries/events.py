"""The raw events that a monitor counted in a span of time: one selection, to run and to show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sinks.sql import quoted
from sinks.store.reader import Reader
from sinks.store.records import Moment, TableRow

_COLUMNS = "event_time, event_id, weight, late, topic, partition, offset, data"
_ORDER = "\nORDER BY event_time, topic, partition, offset"
_PLACE = re.compile(r"\{(\w+):([^}]+)\}")


@dataclass(frozen=True)
class Selection:
    """Which events: of `type`, as exact in time as `precisions` say, in [from, to), with these fields in their data.

    `where` gives the accepted values of a field, `series` the one value; a field is a dotted path, and "" stands for
    unknown. Late and repeated events are in no judgement, so they are left out. `topics`: where they are known to be,
    which spares reading the rest; empty looks everywhere.
    """

    type: str
    precisions: Sequence[str]
    from_ms: int
    to_ms: int
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    series: Mapping[str, str] = field(default_factory=dict)
    topics: Sequence[str] = ()

    def statement(self, columns: str, tail: str = "") -> tuple[str, dict[str, Any]]:
        """The query with its places, and their values."""
        values: dict[str, Any] = {
            "type": self.type,
            "precisions": list(self.precisions),
            "from": self.from_ms,
            "to": self.to_ms,
        }
        coarse = [
            "type = {type:String}",
            "precision IN {precisions:Array(String)}",
            "event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')",
            "event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')",
        ]
        if self.topics:
            coarse.insert(0, "topic IN {topics:Array(String)}")
            values["topics"] = list(self.topics)
        parts = ["late = 0", "duplicate = 0"]
        accepted = {name: list(given) for name, given in self.where.items()}
        for number, (name, given) in enumerate([*accepted.items(), *((n, [v]) for n, v in self.series.items())]):
            path = [f"p{number}_{step}" for step, _ in enumerate(name.split("."))]
            values |= dict(zip(path, name.split("."), strict=True)) | {f"v{number}": given}
            places = ", ".join(f"{{{each}:String}}" for each in path)
            parts.append(f"JSONExtract(data, {places}, 'String') IN {{v{number}:Array(String)}}")
        # PREWHERE reads the data of few rows; before FINAL it may hold what two copies of an event have in common.
        conditions = "\n  AND ".join(coarse) + "\nWHERE " + "\n  AND ".join(parts)
        return f"SELECT {columns}\nFROM events FINAL\nPREWHERE {conditions}{tail}", values

    def as_text(self, limit: int = 50) -> str:
        """The query with its values written into it, for a person to paste. It is never run from here."""
        return inlined(*self.statement(_COLUMNS, f"{_ORDER}\nLIMIT {int(limit)}"))


class CountedEvent(TableRow):
    """An event that a monitor counted; of how many, and with which sum of weights."""

    TABLE = "events"
    event_time: Moment
    event_id: str
    weight: int
    late: int
    topic: str
    partition: int
    offset: int
    data: str
    events: int
    happenings: int


async def first(reader: Reader, wanted: Selection, *, limit: int = 50) -> tuple[list[CountedEvent], int, int]:
    """The earliest events of a selection in the order of their time;
    how many it holds, and the sum of their weights.
    """
    sql, values = wanted.statement(
        f"{_COLUMNS}, count() OVER () AS events, sum(weight) OVER () AS happenings",
        f"{_ORDER}\nLIMIT {{limit:UInt32}}",
    )
    rows = await reader.find(CountedEvent, sql, values | {"limit": limit})
    return rows, *((rows[0].events, rows[0].happenings) if rows else (0, 0))


def inlined(sql: str, values: Mapping[str, Any]) -> str:
    r"""A query as text, each place filled with a literal.

    >>> print(inlined("SELECT {a:String}, {b:Array(String)}, {c:Int64}", {"a": "it's", "b": ["x", "y\\"], "c": 7}))
    SELECT 'it\'s', ['x', 'y\\'], 7
    """
    return _PLACE.sub(lambda place: _literal(values[place[1]]), sql)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return str(int(value))
