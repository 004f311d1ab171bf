"""Tables over several ClickHouse nodes: `x_local` on each of them, and over these `x`, a `Distributed` table.

A row goes to a shard by its identity, so that two copies of it meet there, and each shard drops its part of an insert
that is repeated. What is read joins what all shards have: `distributed_product_mode = 'global'`. It needs no Keeper,
and keeps no copies: with a shard that is away nothing is written, and nothing read.
"""

from __future__ import annotations

import re

READING = {"distributed_product_mode": "global"}
"""Settings of whoever reads: what one table is joined with, or looked up in, comes from all shards."""
WRITING = {"distributed_foreground_insert": 1}
"""Settings of an insert: it is answered when every shard has its rows, and an error of one is an error."""

_TABLE = re.compile(r"^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) (\w+)")
_COLUMN = re.compile(r"^ALTER TABLE \w+ (?:ADD|DROP|CLEAR|MODIFY|RENAME|COMMENT) COLUMN\b")
_ORDER = re.compile(r"^ORDER BY \(?([\w, ]+)\)?$", re.MULTILINE)
_MATERIALIZED = re.compile(r"^ *(\w+) .*\bMATERIALIZED\b", re.MULTILINE)
_COMMENT = re.compile(r"^COMMENT '.*'$", re.MULTILINE)


def local_part(statement: str) -> str | None:
    """What a migration's statement is for a node's own table; None for a view.

    >>> local_part("ALTER TABLE t ADD COLUMN IF NOT EXISTS b Int8")
    'ALTER TABLE t_local ADD COLUMN IF NOT EXISTS b Int8'
    """
    return _TABLE.sub(r"\1 \2_local", statement) if _TABLE.match(statement) else None


def whole_part(statement: str, cluster: str, database: str) -> str | None:
    """What it is for the table over all nodes, or for a view; None for what only a node's own table has (an index).

    >>> whole_part("CREATE TABLE IF NOT EXISTS t\\n(\\n    a Int8\\n)\\nENGINE = MergeTree\\nORDER BY a", "main", "d")
    "CREATE TABLE IF NOT EXISTS t AS t_local ENGINE = Distributed('main', 'd', 't_local', cityHash64(a)) "
    """
    found = _TABLE.match(statement)
    if found is None or _COLUMN.match(statement):
        return statement
    if found[1] == "ALTER TABLE":
        return None
    name, comment = found[2], _COMMENT.search(statement)
    key = ", ".join(identity(statement))
    return (
        f"CREATE TABLE IF NOT EXISTS {name} AS {name}_local ENGINE = Distributed('{cluster}', '{database}',"
        f" '{name}_local', cityHash64({key})) {comment[0] if comment else ''}"
    )


def identity(statement: str) -> list[str]:
    """The columns a row goes to its shard by: those that identify it, but for what ClickHouse itself computes.

    >>> identity("CREATE TABLE t\\n(\\n    a Int8,\\n    b Int8 MATERIALIZED a\\n)\\nORDER BY (a, b)")
    ['a']
    """
    found = _ORDER.search(statement)
    computed = set(_MATERIALIZED.findall(statement))
    return [name for name in re.findall(r"\w+", found[1] if found else "") if name not in computed]
