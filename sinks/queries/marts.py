"""Whether the star holds: rows, joins and keys of each fact."""

from __future__ import annotations

from typing import Any

from sinks.store.marts import FACTS
from sinks.store.reader import Reader


async def checked(reader: Reader) -> list[dict[str, Any]]:
    """For each fact its rows; how many are left when it is joined with all its dimensions; keys that a dimension has
    not; and rows that stand more than once.
    """
    found = []
    for fact in FACTS.values():
        on = [f"JOIN dim_{name} AS d_{name} ON d_{name}.{name}_key = f.{name}_key" for name in fact.dimensions]
        left, inner = (" ".join(f"{kind} {each}" for each in on) for kind in ("LEFT", "INNER"))
        key, name = ", ".join(fact.key), fact.name
        sql = (
            f"SELECT (SELECT count() FROM {name}) AS rows, (SELECT count() FROM {name} AS f {left}) AS joined,"
            f" rows - (SELECT count() FROM {name} AS f {inner}) AS orphans,"
            f" rows - (SELECT count() FROM (SELECT DISTINCT {key} FROM {name})) AS doubled"
        )
        (row,) = await reader.select(sql)
        found.append({"fact": fact.name} | {name: int(row[name]) for name in ("rows", "joined", "orphans", "doubled")})
    return found
