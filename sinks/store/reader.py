"""Reading back what was written: for the command line, the console, replays and exports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from livewarden.errors import SetupError
from sinks.store.connection import Address, open_client, translated
from sinks.store.tables import Row, Table, table

R = TypeVar("R")
_READ_ONLY = {"readonly": 1, "max_execution_time": 60}


class Reader:
    """Reads from ClickHouse and changes nothing. Rows have the columns they were written with, instants in ms UTC.

    `RetryLater` where ClickHouse is busy; `SetupError` where it refuses, or a query is wrong: one line, for people.
    """

    def __init__(self, client: Any, address: Address) -> None:
        self._client = client
        self._address = address

    @classmethod
    async def connect(
        cls,
        url: str,
        user: str = "default",
        password: str = "",
        database: str = "livewarden",
        ca: str = "",
        cluster: str = "",
        nodes: tuple[str, ...] = (),
        *,
        timeout_s: int = 90,
    ) -> Self:
        """Reach ClickHouse, within 5 s; Unreachable or SetupError otherwise.

        `timeout_s`: how long one later call may take to answer.
        """
        address = Address(url, user, password, database, ca, cluster, nodes)
        return cls(await open_client(address, timeout_s=timeout_s), address)

    async def close(self) -> None:
        """Give connections back. Idempotent."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def alerts(
        self, run: str = "live", *, status: str | None = None, suppressed: bool = True, limit: int = 1_000
    ) -> list[dict[str, Any]]:
        """The newest version of each alert of a run, by window, oldest first; the newest `limit` of them."""
        where, values = ["run = %(run)s"], {"run": run, "status": status}
        if status is not None:
            where.append("status = %(status)s")
        if not suppressed:
            where.append("suppressed_by IS NULL")
        return await self._newest(table("alerts"), where, values, "window_start DESC, monitor, alert_id", limit)

    async def cases(self, run: str = "live", *, limit: int = 1_000) -> list[dict[str, Any]]:
        """The newest version of each case candidate of a run, by start, oldest first; the newest `limit` of them."""
        return await self._newest(
            table("case_candidates"), ["run = %(run)s"], {"run": run}, "started_at DESC, case_id", limit
        )

    async def dead_letters(self, *, reason: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Records set aside, in the order they came, the newest `limit`; `value` is bytes."""
        where = ["reason = %(reason)s"] if reason is not None else []
        return await self._newest(
            table("dead_letters"), where, {"reason": reason}, "recorded_at DESC, topic, partition, offset", limit
        )

    async def rows(self, name: str, *, limit: int = 1_000_000) -> list[dict[str, Any]]:
        """All rows of a table, newest versions, in the order of the columns that identify them."""
        kind = table(name)
        order = ", ".join("toString(mapSort(series))" if each == "series" else each for each in kind.identity)
        return list(reversed(await self._newest(kind, [], {}, order, limit)))

    async def counts(self) -> dict[str, int]:
        """How many events, late ones, repeated ones and conflicts among them, dead letters, live alerts, live case
        candidates, incidents and notifications there are."""
        row = (
            await self._select(
                "SELECT (SELECT count() FROM events FINAL), (SELECT count() FROM events FINAL WHERE late = 1),"
                " (SELECT count() FROM events FINAL WHERE duplicate = 1 AND conflict = 0),"
                " (SELECT count() FROM events FINAL WHERE conflict = 1),"
                " (SELECT count() FROM dead_letters FINAL), (SELECT count() FROM alerts FINAL WHERE run = 'live'),"
                " (SELECT count() FROM case_candidates FINAL WHERE run = 'live'),"
                " (SELECT count() FROM incidents FINAL), (SELECT count() FROM notifications FINAL)"
            )
        )[0]
        return dict(
            zip(
                (
                    "events",
                    "late",
                    "duplicate",
                    "conflict",
                    "dead_letters",
                    "alerts",
                    "cases",
                    "incidents",
                    "notifications",
                ),
                row,
                strict=True,
            )
        )

    async def events(
        self, from_ms: int | None = None, to_ms: int | None = None, *, topics: Sequence[str] = ()
    ) -> AsyncIterator[Row]:
        """Events of `[from_ms, to_ms)` as a replay needs them: by topic, partition and offset, late and repeated ones
        left out.

        They are streamed; memory does not grow with their number.
        """
        kind = table("events")
        where, values = ["late = 0 AND duplicate = 0"], {"from": from_ms, "to": to_ms, "topics": list(topics)}
        if from_ms is not None:
            where.append("event_time >= fromUnixTimestamp64Milli(%(from)s, 'UTC')")
        if to_ms is not None:
            where.append("event_time < fromUnixTimestamp64Milli(%(to)s, 'UTC')")
        if topics:
            where.append("topic IN %(topics)s")
        with translated(self._address):
            blocks = await self._client.query_row_block_stream(
                (
                    f"SELECT {_columns(kind)} FROM events FINAL WHERE {' AND '.join(where)} ORDER BY topic, partition,"
                    " offset"
                ),
                values,
                query_formats=_PLAIN,
            )
            async with blocks:
                async for block in blocks:
                    for row in block:
                        yield dict(zip(kind.columns, row, strict=True))

    async def query(self, sql: str, *, most_rows: int = 10_000) -> tuple[list[str], list[list[Any]]]:
        """Run one query that reads: its column names and its rows as JSON-plain values.

        No FORMAT clause. It may not write, nor run for more than 60 s, nor return more than `most_rows` rows:
        SetupError.
        """
        limits = _READ_ONLY | {"max_result_rows": most_rows, "result_overflow_mode": "throw"}
        known = self._client.server_settings
        # A user who may only read cannot set limits either, and has those of the server.
        settings = {name: value for name, value in limits.items() if name not in known or not known[name].readonly}
        with translated(self._address, asked_by_user=True):
            body = await self._client.raw_query(sql.rstrip().rstrip(";"), fmt="JSONCompact", settings=settings)
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise SetupError("the query has no result as a table: leave its FORMAT clause out") from error
        if len(answer["data"]) > most_rows:
            raise SetupError(f"the result has more than {most_rows} rows: add a LIMIT, or allow more")
        return [column["name"] for column in answer["meta"]], answer["data"]

    async def select(self, sql: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of one of our own queries. Values stand in it as `{name:Type}`: ClickHouse binds them, no text is put
        together.

        Instants with milliseconds come as ms UTC, whole floats as integers, the column `value` of dead letters as
        bytes.
        """
        with translated(self._address):
            result = await self._client.query(
                sql, dict(values or {}), query_formats=_PLAIN, column_formats={"value": "bytes"}
            )
            names = result.column_names
            return [dict(zip(names, map(_short, row), strict=True)) for row in result.result_rows]

    async def find(self, make: Callable[..., R], sql: str, values: Mapping[str, Any] | None = None) -> list[R]:
        """What `select` gives, each row made into a record whose fields are the columns of the query."""
        return [make(**row) for row in await self.select(sql, values)]

    async def stream(self, sql: str, fmt: str, values: Mapping[str, Any] | None = None) -> AsyncIterator[bytes]:
        """The result of one of our own queries in a format of ClickHouse, `CSVWithNames` or `Parquet` say, block by
        block.

        ClickHouse holds it back until it is whole, so an error comes before the first block and none looks like an end.
        """
        with translated(self._address):
            blocks = await self._client.raw_stream(
                sql, dict(values or {}), fmt=fmt, settings={"wait_end_of_query": "1"}
            )
            async with blocks:
                async for block in blocks:
                    yield block

    async def _newest(
        self, kind: Table, where: Sequence[str], values: Mapping[str, Any], order: str, limit: int
    ) -> list[dict[str, Any]]:
        condition = f" WHERE {' AND '.join(where)}" if where else ""
        sql = f"SELECT {_columns(kind)} FROM {kind.name} FINAL{condition} ORDER BY {order} LIMIT {int(limit)}"
        raw = {"value": "bytes"} if kind.name == "dead_letters" else {}
        found = [dict(zip(kind.columns, map(_short, row), strict=True)) for row in await self._select(sql, values, raw)]
        return found[::-1]

    async def _select(
        self, sql: str, values: Mapping[str, Any] | None = None, raw: Mapping[str, str] | None = None
    ) -> list[tuple[Any, ...]]:
        with translated(self._address):
            result = await self._client.query(
                sql, dict(values or {}), query_formats=_PLAIN, column_formats=dict(raw or {})
            )
            return list(result.result_rows)


_PLAIN = {"DateTime64*": "int"}


def _columns(kind: Table) -> str:
    return ", ".join(f"`{name}`" for name in kind.columns)


def _short(value: Any) -> Any:
    # Numbers are stored as Float64; whole ones read back as they were written.
    return int(value) if isinstance(value, float) and value.is_integer() else value
