"""The marts: one definition, no key without a member, no join that adds rows, each metric the same three ways."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from livewarden.times import DAY_MS, HOUR_MS
from sinks.export.semantic import daily, dashboard, semantic_model
from sinks.queries.marts import checked
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.document import relations
from sinks.store.marts import FACTS, METRICS, sentences
from sinks.store.reader import Reader
from tests.clickhouse_fixtures import fresh_database, server_address
from tests.console_fixtures import T0, alert_row, event_row
from tests.evening_fixtures import fill

pytestmark = pytest.mark.clickhouse
ROOT: Final = Path(__file__).parents[2]
HAND: Final = {
    "measures": "SELECT sum(weight) FROM measure_outcomes",
    "appeals": "SELECT uniqExact(JSONExtractString(data, 'appeal_id')) FROM events WHERE type = 'appeal.lifecycle'",
    "appeal_share": "SELECT sumIf(weight, isNotNull(appealed_at)) / sum(weight) FROM measure_outcomes",
    "overturned_share": "SELECT sumIf(weight, reversal IN ('appeal_granted', 'proactive_correction')) / sum(weight)"
    " FROM measure_outcomes",
    "granted_share": "SELECT countIf(outcome = 'REVERSED') / countIf(isNotNull(decided_at)) FROM complaint_watch",
    "seconds_to_decide": "SELECT avg(seconds_to_decide) FROM complaint_watch",
    "alerts": "SELECT count() FROM alerts FINAL WHERE run = 'live'",
    "notified_share": "SELECT countIf(outcome = 'notified') / (SELECT count() FROM alerts FINAL WHERE run = 'live')"
    " FROM dispositions FINAL",
    "incidents": "SELECT count() FROM incidents FINAL",
    "seconds_to_acknowledge": "SELECT avg(seconds_to_acknowledge) FROM incidents_history",
    "cases_created": "SELECT countIf(what = 'created') FROM case_history FINAL",
    "cases_ended": "SELECT countIf(to_state IN ('resolved', 'dismissed') AND from_state != to_state)"
    " FROM case_history FINAL",
    "wrong_share": "SELECT countIf(JSONExtractString(data, 'verdict') = 'WRONG') / count() FROM events FINAL"
    " WHERE type = 'review.audit'",
    "tickets": "SELECT count() FROM feedback_tickets FINAL",
    "answered_share": "SELECT countIf(isNotNull(answered_at)) / count() FROM feedback_tickets FINAL",
}
"""Each metric as somebody would write it who does not know the marts."""


def event(number: int, type_: str, at: int, weight: int = 1, **data: Any) -> dict[str, Any]:
    return event_row(100 + number, type=type_, event_time=at, weight=weight, data=json.dumps(data))


def more() -> dict[str, list[dict[str, Any]]]:
    events = []
    for n in range(40):
        where = {"market": "DE" if n % 3 else "", "policy_id": f"p{n % 4}", "queue_id": "q1" if n % 2 else ""}
        at = T0 + n * HOUR_MS
        events.append(
            event(5 * n, "enforcement.action", at, 1 + n % 3, action_id=f"m{n}", shop_id=f"s{n % 7}", **where)
        )
        step = {"appeal_id": f"c{n}", "action_id": f"m{n}" if n % 9 else ""}
        if n % 2:
            events.append(event(5 * n + 1, "appeal.lifecycle", at + HOUR_MS, state="SUBMITTED", **step))
        if n % 4 == 1:
            done = {"state": "RESOLVED", "outcome": "REVERSED" if n % 8 == 1 else "UPHELD"}
            events.append(event(5 * n + 2, "appeal.lifecycle", at + DAY_MS, **done, **step))
        if n % 5 == 0:
            verdict = {"sample_id": "w1", "reviewer": "r1", "verdict": "WRONG" if n % 10 else "RIGHT"}
            events.append(event(5 * n + 3, "review.audit", at + DAY_MS, action_id=f"m{n}", **verdict))
    ticket = {"version": 1, "language": "", "theme_id": "live-cut", "similarity": 0.5, "text": "x", "minhash": []}
    tickets = [
        ticket
        | {"ticket_id": f"t{n}", "shop_id": f"s{n}", "market": "DE" if n else "", "opened_at": T0 + n * HOUR_MS}
        | {"answered_at": T0 + 2 * DAY_MS if n % 2 else None, "action_id": f"m{n}" if n < 4 else ""}
        for n in range(9)
    ]
    return {"events": events, "feedback_tickets": tickets, "alerts": [alert_row(alert_id="a-p", series={})]}


Asked = Callable[[Callable[[Reader], Awaitable[Any]]], Any]


@pytest.fixture(scope="module")
def asked() -> Any:
    yield from asking(filled=True)


@pytest.fixture(scope="module")
def asked_of_nothing() -> Any:
    yield from asking(filled=False)


def asking(*, filled: bool) -> Any:
    loop = asyncio.new_event_loop()
    database = fresh_database(server_address("embedded"))

    async def start() -> Address:
        address = await database.__aenter__()
        if filled:
            store = await ClickHouseStore.connect(*dataclasses.astuple(address))
            await fill(store, T0 + HOUR_MS)
            for name, rows in more().items():
                await store.write(name, rows)
            await store.close()
        return address

    address = loop.run_until_complete(start())

    def ask(question: Callable[[Reader], Awaitable[Any]]) -> Any:
        async def answer() -> Any:
            async with await Reader.connect(*dataclasses.astuple(address)) as reader:
                return await question(reader)

        return loop.run_until_complete(answer())

    yield ask
    loop.run_until_complete(database.__aexit__(None, None, None))
    loop.close()


async def number(reader: Reader, sql: str) -> float:
    (row,) = await reader.select(sql)
    (found,) = row.values()
    return round(float(found or 0), 9) if found == found else 0.0


def test_each_metric_is_equal_three_ways_and_its_total_over_every_dimension_is_the_grand_total(asked: Asked) -> None:
    model = json.loads((ROOT / "ops/semantic/livewarden.osi.json").read_text())["semantic_model"][0]
    written = {each["name"]: each["expression"]["dialects"][0]["expression"] for each in model["metrics"]}
    assert written.keys() == METRICS.keys() == HAND.keys()

    async def compared(reader: Reader) -> None:
        for name, metric in METRICS.items():
            ours = await number(reader, f"SELECT {metric.expression} AS n FROM {metric.fact}")
            by_hand = await number(reader, HAND[name])
            semantic = await number(reader, f"SELECT {written[name]} AS n FROM {metric.fact}")
            assert ours == by_hand == semantic, name
        for fact in FACTS.values():
            sums = ", ".join(f"sum({each}) AS `{each}`" for each in fact.sums)
            (grand,) = await reader.select(f"SELECT {sums} FROM {fact.name}")
            for each in fact.dimensions:
                parts = f"SELECT {sums} FROM {fact.name} JOIN dim_{each} USING ({each}_key) GROUP BY {each}_key"
                outer = ", ".join(f"sum(`{name}`) AS `{name}`" for name in fact.sums)
                (total,) = await reader.select(f"SELECT {outer} FROM ({parts})")
                assert total == grand, (fact.name, each)

    asked(compared)


def test_joins_add_no_row_and_no_key_is_missing(asked: Asked) -> None:
    for each in asked(checked):
        assert each["joined"] == each["rows"], each
        assert (each["orphans"], each["doubled"]) == (0, 0), each

    async def nulls(reader: Reader) -> list[str]:
        known = await relations(reader)
        return [
            f"{name}.{column.name}"
            for name in sentences()
            for column in known[name].columns
            if "Nullable" in column.type or "Array" in column.type or "Map" in column.type
        ]

    assert asked(nulls) == []


def test_the_views_are_what_the_definition_says(asked: Asked) -> None:
    known = asked(relations)
    for name, columns in sentences().items():
        assert [each.name for each in known[name].columns] == list(columns) or {
            each.name for each in known[name].columns
        } == columns.keys(), name


def test_the_dashboard_answers_also_on_an_empty_database(asked: Asked, asked_of_nothing: Asked) -> None:
    async def all_panels(reader: Reader) -> None:
        for metric in METRICS.values():
            sql = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= toDate(0) AND \1 <= toDate('2069-12-31')", daily(metric))
            rows = await reader.select(sql)
            seen.append(len(rows))

    seen: list[int] = []
    asked(all_panels)
    assert all(seen)
    seen.clear()
    asked_of_nothing(all_panels)
    assert seen == [0] * len(METRICS)


def test_what_ships_is_what_the_definition_makes() -> None:
    assert json.loads((ROOT / "ops/semantic/livewarden.osi.json").read_text()) == semantic_model()
    assert json.loads((ROOT / "ops/grafana/dashboards/marts.json").read_text()) == dashboard()


def test_the_semantic_file_names_what_it_has() -> None:
    (model,) = semantic_model()["semantic_model"]
    fields = {each["name"]: {field["name"] for field in each["fields"]} for each in model["datasets"]}
    for each in model["datasets"]:
        assert set(each["primary_key"]) <= fields[each["name"]]
    for each in model["relationships"]:
        assert set(each["from_columns"]) <= fields[each["from"]]
        assert set(each["to_columns"]) <= fields[each["to"]]
    for each in model["metrics"]:
        for fact, column in re.findall(r"(\w+)\.(\w+)", each["expression"]["dialects"][0]["expression"]):
            assert column in fields[fact]
