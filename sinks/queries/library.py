"""The case library as it is stored, and the facts of a case that an entry is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livewarden.library import Coverage
from livewarden.library_entry import LibraryEntry
from sinks.store.records import Moment, TableRow

if TYPE_CHECKING:
    from sinks.store.reader import Reader

FACETS: Mapping[str, str] = {
    "policy": "policy_clause",
    "version": "policy_version",
    "market": "market",
    "family": "action_family",
    "action": "action_type",
    "subject": "subject_type",
    "cause": "cause",
    "resolution": "resolution",
    "enforcement": "enforcement",
    "queue": "queue",
    "kind": "kind",
    "precedent": "precedent",
    "pattern": "pattern_id",
    "source": "source",
}
"""By what an entry is found, and its column."""


class LibraryRecord(TableRow):
    """An entry in a list; `entry` is all of it as JSON."""

    TABLE = "library_entries"
    entry_id: str
    title: str
    summary: str
    pattern_id: str
    pattern_key: str
    rejected: int
    added_by: str
    added_at: Moment
    entry: str

    @property
    def whole(self) -> LibraryEntry:
        """The entry itself."""
        return LibraryEntry.model_validate_json(self.entry)


class PatternRecord(TableRow):
    """What was done to a pattern."""

    TABLE = "patterns"
    pattern_id: str
    version: int
    name: str
    merged_into: str
    split_into: list[str]
    taken: list[str]
    made_of: str
    by: str
    why: str
    at: Moment


@dataclass(frozen=True)
class EntryFilter:
    """Which entries: `text` stands in title, summary or rationale; `facets` by the names of `FACETS`."""

    text: str = ""
    facets: Mapping[str, str] | None = None

    def where(self) -> tuple[str, dict[str, Any]]:
        """The condition and its values."""
        parts, values = ["1"], {"text": self.text}
        if self.text:
            parts.append("positionCaseInsensitiveUTF8(concat(title, ' ', summary, ' ', rationale), {text:String}) > 0")
        for number, (name, value) in enumerate((self.facets or {}).items()):
            column = FACETS[name]
            bound = f"{{f{number}:String}}"
            if column == "market":
                parts.append(f"has(markets, {bound})")
            elif column == "source":
                parts.append(f"positionCaseInsensitiveUTF8(source, {bound}) > 0")
            else:
                parts.append(f"{column} = {bound}")
            values[f"f{number}"] = value
        return " AND ".join(parts), values


_COLUMNS = LibraryRecord.columns()


async def find(reader: Reader, wanted: EntryFilter, *, limit: int = 50, offset: int = 0) -> list[LibraryRecord]:
    """Entries, the newest case first."""
    where, values = wanted.where()
    return await reader.find(
        LibraryRecord,
        f"SELECT {_COLUMNS} FROM library_entries FINAL WHERE {where}"
        " ORDER BY started_at DESC NULLS LAST, entry_id LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        values | {"limit": limit, "offset": offset},
    )


async def count(reader: Reader, wanted: EntryFilter) -> int:
    """How many `find` finds."""
    where, values = wanted.where()
    rows = await reader.select(f"SELECT count() AS n FROM library_entries FINAL WHERE {where}", values)
    return int(rows[0]["n"])


async def get(reader: Reader, entry_id: str) -> LibraryRecord | None:
    """One entry; None where there is none of that id."""
    rows = await reader.find(
        LibraryRecord,
        f"SELECT {_COLUMNS} FROM library_entries FINAL WHERE entry_id = {{id:String}}",
        {"id": entry_id},
    )
    return rows[0] if rows else None


async def everything(reader: Reader) -> list[LibraryEntry]:
    """All entries, in the order in which they came."""
    rows = await reader.select("SELECT entry FROM library_entries FINAL ORDER BY added_at, entry_id")
    return [LibraryEntry.model_validate_json(row["entry"]) for row in rows]


async def patterns(reader: Reader) -> list[PatternRecord]:
    """What was done to patterns, by id."""
    return await reader.find(PatternRecord, f"SELECT {PatternRecord.columns()} FROM patterns FINAL ORDER BY pattern_id")


async def coverage(reader: Reader) -> Coverage:
    """How many of all measures the library's own cases were about; imported cases are not of these events."""
    rows = await reader.select(
        "SELECT (SELECT sum(ifNull(measures, 0)) FROM library_entries FINAL WHERE source = 'case') AS measures,"
        " (SELECT sum(weight) FROM enforcement_actions) AS all_measures"
    )
    return Coverage(int(rows[0]["measures"] or 0), int(rows[0]["all_measures"] or 0))


async def exposure(reader: Reader, now_ms: int) -> dict[str, float]:
    """By policy, the measures of the last 13 weeks against those of the 13 before, where both are known."""
    rows = await reader.select(
        "SELECT policy_id, sumIf(weight, decided_at >= end - INTERVAL 91 DAY) AS now,"
        " sumIf(weight, decided_at < end - INTERVAL 91 DAY) AS before"
        " FROM (SELECT *, fromUnixTimestamp64Milli({now:Int64}, 'UTC') AS end FROM enforcement_actions)"
        " WHERE policy_id IS NOT NULL AND decided_at >= end - INTERVAL 182 DAY AND decided_at < end"
        " GROUP BY policy_id HAVING now > 0 AND before > 0",
        {"now": now_ms},
    )
    return {row["policy_id"]: row["now"] / row["before"] for row in rows}


async def mark(reader: Reader) -> tuple[int, ...]:
    """Something that is another one whenever an entry came in or a pattern changed."""
    rows = await reader.select(
        "SELECT (SELECT count() FROM library_entries FINAL) AS entries,"
        " (SELECT max(version) FROM library_entries) AS newest, (SELECT sum(version) FROM patterns FINAL) AS patterns"
    )
    return int(rows[0]["entries"]), int(rows[0]["newest"] or 0), int(rows[0]["patterns"] or 0)
