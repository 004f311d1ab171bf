"""The demo's evening, whole, on a ClickHouse server; on the embedded one tests/e2e runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.common import load_plan
from cli.demo_run import Demo
from sinks.store.reader import Reader
from sources.simulate import scenario_evening
from tests.clickhouse_fixtures import fresh_database, server_address

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.real_clickhouse, pytest.mark.timeout(900)]


async def test_the_whole_evening_on_a_server(tmp_path: Path) -> None:
    async with fresh_database(server_address("server")) as address:
        demo = Demo(load_plan(None), scenario_evening(), tmp_path / "demo", 0, lambda _: None, address)
        summary = await demo.run(stay=False)
        async with await Reader.connect(address.url, address.user, address.password, address.database) as reader:
            _, ((events,),) = await reader.query("SELECT count() FROM events")
    recording, simulation = summary["recording"], summary["simulation"]
    assert [each["id"] for each in simulation["incidents"] if not each["found"]] == []
    assert events == recording["events"] + simulation["events"]
    assert ("shop-closures", 240_043) in {(alert["monitor"], alert["observed"]) for alert in recording["alerts"]}
    assert summary["stored"]["incidents"] > len(simulation["incidents"])
