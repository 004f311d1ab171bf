"""docs/analysts.md: every table and view as ClickHouse has them, a sentence for every column,
and queries that find something.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from livewarden.clock import SystemClock
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.document import MARK, document, meaning, relations
from sinks.store.reader import Reader
from sinks.store.tables import TABLES
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.evening_fixtures import fill
from tests.sinks.test_marts import more

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "docs" / "analysts.md"
SQL: Final = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
async def reader(clickhouse: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as opened:
        yield opened


async def test_the_file_is_as_generated(reader: Reader) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert await document(reader, text) == text, "run: livewarden schema --tables docs/analysts.md"


async def test_what_is_written_by_hand_is_kept_and_the_rest_is_not(reader: Reader) -> None:
    text = await document(reader, f"# Mine\n{MARK}\nold")
    assert text.startswith(f"# Mine\n{MARK}\n## Views\n")
    assert "old\n" not in text
    assert await document(reader, text) == text


async def test_every_table_view_and_column_is_there(reader: Reader) -> None:
    text, known = await document(reader), await relations(reader)
    assert known.keys() > TABLES.keys() | {"state", "manifest", "schema_migrations", "why_not_paged"}
    for each in known.values():
        section = text.partition(f"\n### {each.name}\n")[2].partition("\n### ")[0]
        rows = re.findall(r"^\| (\w+) \| `(.+?)` \| (.+) \|$", section, re.MULTILINE)
        assert [row[:2] for row in rows] == [(column.name, column.type) for column in each.columns]
        assert ("```sql\n" in section) == each.view
        assert not each.comment.endswith(".")


async def test_a_column_without_a_sentence_and_a_view_without_a_query_are_named(
    clickhouse: Address, reader: Reader
) -> None:
    known = await relations(reader)
    view = known["case_tracker"]
    bare = replace(view.columns[0], name="mood")
    with pytest.raises(ValueError, match=r"case_tracker\.mood: no sentence"):
        meaning(view, bare, known)
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    try:
        await store._client.command("CREATE VIEW moods AS SELECT state FROM cases COMMENT 'c'")
    finally:
        await store.close()
    with pytest.raises(ValueError, match="moods: no query"):
        await document(reader)


async def test_every_query_of_the_file_finds_something(clickhouse: Address, reader: Reader) -> None:
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    try:
        await fill(store, SystemClock().now_ms())
        for name, rows in more().items():
            await store.write(name, rows)
    finally:
        await store.close()
    queries = SQL.findall(FILE.read_text(encoding="utf-8"))
    assert len(queries) >= 14 + 4
    for query in queries:
        _, rows = await reader.query(query)
        assert rows, query


async def test_the_command_writes_the_file(tmp_path: Path) -> None:
    """In a process of its own, because an engine is one per process."""
    path = tmp_path / "analysts.md"
    path.write_text(FILE.read_text(encoding="utf-8").partition(MARK)[0])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "schema", "--tables", str(path)),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert await process.wait() == 0
    assert path.read_text() == FILE.read_text(encoding="utf-8")
