"""What the misjudgement radar said, as `livewarden overturns --save` stored it."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.store.reader import Reader


@dataclass(frozen=True, slots=True)
class StoredReading:
    """One cell at the end of a day; what is not known is None. `share`: of its measures those that turn out wrong."""

    cell: str
    depth: int
    measures: int
    appealed: int
    reversed: int
    estimate: float | None
    low: float | None
    high: float | None
    maturity: float | None
    jump: float | None
    note: str
    day: int = 0
    reading: str = ""

    @property
    def share(self) -> float | None:
        """The estimate per measure."""
        return self.estimate / self.measures if self.estimate is not None and self.measures else None


async def last_day(reader: Reader) -> int | None:
    """The newest day that was read, in ms UTC; None where none was."""
    rows = await reader.select("SELECT max(day) AS day, count() AS n FROM misjudgement_readings")
    return int(rows[0]["day"]) if rows[0]["n"] else None


async def of_day(reader: Reader, day_ms: int, depth: int) -> list[StoredReading]:
    """Every cell of at most `depth` named parts: those that jumped first, then by how many measures are wrong."""
    rows = await reader.select(
        "SELECT cell, depth, measures, appealed, reversed, estimate, low, high, maturity, jump, note"
        " FROM misjudgement_readings FINAL"
        " WHERE day = fromUnixTimestamp64Milli({day:Int64}, 'UTC') AND depth <= {depth:UInt8}"
        " ORDER BY jump IS NULL, estimate IS NULL, estimate DESC, cell LIMIT 500",
        {"day": day_ms, "depth": depth},
    )
    return [StoredReading(**row) for row in rows]


async def of_cell(reader: Reader, cell: str, *, limit: int = 60) -> list[StoredReading]:
    """What was said of one cell day by day, the newest first, with all of each reading as JSON text."""
    rows = await reader.select(
        "SELECT cell, depth, measures, appealed, reversed, estimate, low, high, maturity, jump, note, day, reading"
        " FROM misjudgement_readings FINAL WHERE cell = {cell:String} ORDER BY day DESC LIMIT {limit:UInt32}",
        {"cell": cell, "limit": limit},
    )
    return [StoredReading(**row) for row in rows]
