"""The audit as people look it up: who asked for what, and what became of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sinks.store.reader import Reader
from sinks.store.records import ActionRecord


@dataclass(frozen=True)
class ActionFilter:
    """Which actions: an empty text, or None, leaves nothing out. `from_ms` and `to_ms` bound `at`, the end excluded."""

    who: str = ""
    do: str = ""
    target: str = ""
    outcome: str = ""
    from_ms: int | None = None
    to_ms: int | None = None

    def where(self) -> str:
        """The condition; its values are `asdict(self)`."""
        names = ("who", "do", "target", "outcome")
        parts = ["1", *(f"{name} = {{{name}:String}}" for name in names if getattr(self, name))]
        if self.from_ms is not None:
            parts.append("at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')")
        if self.to_ms is not None:
            parts.append("at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')")
        return " AND ".join(parts)


async def find(reader: Reader, wanted: ActionFilter, *, limit: int = 50, offset: int = 0) -> list[ActionRecord]:
    """A page of actions the newest first."""
    return await reader.find(
        ActionRecord,
        f"SELECT {ActionRecord.columns()} FROM actions FINAL WHERE {wanted.where()} ORDER BY at DESC, action_id"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}",
        asdict(wanted) | {"limit": limit, "offset": offset},
    )


async def about(reader: Reader, target: str, *, limit: int = 1_000) -> list[ActionRecord]:
    """Every request about one thing and its answer, in order."""
    return await reader.find(
        ActionRecord,
        f"SELECT {ActionRecord.columns()} FROM actions FINAL WHERE target = {{target:String}} ORDER BY at, action_id"
        " LIMIT {limit:UInt32}",
        {"target": target, "limit": limit},
    )


async def count(reader: Reader, wanted: ActionFilter) -> int:
    """How many `find` finds."""
    rows = await reader.select(f"SELECT count() AS n FROM actions FINAL WHERE {wanted.where()}", asdict(wanted))
    return int(rows[0]["n"])


async def get(reader: Reader, action_id: str) -> ActionRecord | None:
    """One action and its answer; None where it has none yet."""
    rows = await reader.find(
        ActionRecord,
        f"SELECT {ActionRecord.columns()} FROM actions FINAL WHERE action_id = {{id:String}}",
        {"id": action_id},
    )
    return rows[0] if rows else None
