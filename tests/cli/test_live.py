"""The command line, each command a process of its own, beside a worker:
requests through Kafka, answers from ClickHouse.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from livewarden.settings import Settings
from livewarden.times import MINUTE_MS
from sinks.store.connection import Address
from sinks.store.reader import Reader
from sources.simulate.scenario import EVENING_START_MS
from tests.clickhouse_fixtures import NODES, SERVERS, clickhouse, clickhouse_server, environment_of
from tests.kafka_fixtures import Broker, embedded_broker
from tests.live import deployed, evening, feed, processes, until

__all__ = ["clickhouse", "clickhouse_server", "embedded_broker"]
pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.timeout(240)]

WHILE_PLAYBACK_STALLS_MS: Final = EVENING_START_MS + 110 * MINUTE_MS
ROOT: Final = Path(__file__).parents[2]


class Terminal:
    """Runs commands against a deployment."""

    def __init__(self, settings: Settings, address: Address) -> None:
        chosen = {"kafka": settings.kafka, "topic_prefix": settings.topic_prefix}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVEWARDEN_")}
        self._environment = kept | {f"LIVEWARDEN_{name.upper()}": value for name, value in chosen.items()}
        self._environment |= environment_of(address)
        self._environment["PYTHONPATH"] = str(ROOT)

    async def run(self, *args: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", *args),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def json(self, *args: str) -> Any:
        """What a command that must succeed prints with --json."""
        code, out, err = await self.run(*args, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.mark.parametrize("clickhouse_server", [*SERVERS, NODES], indirect=True)
async def test_an_evening_is_answered_at_a_terminal(
    embedded_broker: Broker, clickhouse: Address, tmp_path: Path
) -> None:
    settings = await deployed(embedded_broker)
    terminal = Terminal(settings, clickhouse)
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:

        async def something_fires() -> bool:
            _, ((incidents, cases),) = await reader.query(
                "SELECT (SELECT countIf(status = 'firing') FROM incidents FINAL),"
                " (SELECT countIf(firing_count > 0) FROM cases FINAL)"
            )
            return int(incidents) > 0 and int(cases) > 0

        async with processes(settings, clickhouse, tmp_path) as (worker,):
            await feed(settings, [each for each in evening() if each.time_ms < WHILE_PLAYBACK_STALLS_MS], worker)
            await until(something_fires, worker)

            incident, *_ = [
                each["incident_id"] for each in await terminal.json("incident", "list", "--status", "firing")
            ]
            code, out, err = await terminal.run("incident", "ack", incident[:8], "--as", "ana", "--why", "mine")
            assert (code, err) == (0, ""), out
            shown = await terminal.json("incident", "show", incident)
            assert (shown["incident"]["status"], shown["incident"]["acknowledged_by"]) == ("acknowledged", "ana")
            assert [each["who"] for each in shown["actions"]] == ["ana"]
            alert = shown["alerts"][0]["alert_id"]
            assert (await terminal.run("alert", "feedback", alert[:8], "true"))[0] == 0
            assert (await terminal.json("alert", "show", alert))["feedback"]["verdict"] == "true"

            case = (await terminal.json("case", "list"))[0]
            moves = [
                ["case", "triage", case["case_id"][:8], "--expects", str(case["version"]), "--as", who]
                for who in ("ana", "ben")
            ]
            (first, _, err_1), (second, _, err_2) = await asyncio.gather(*(terminal.run(*each) for each in moves))
            assert sorted((first, second)) == [0, 1], "one is granted, the other one hears of it"
            assert (err_1 + err_2).count("\n") == 1
            shown = await terminal.json("case", "show", case["case_id"])
            assert shown["case"]["state"] == "triage"
            assert [each["what"] for each in shown["history"]].count("moved") == 1

            words = ["--match", "market=DE", "--for", "2h", "--reason", "CDN migration", "--yes"]
            code, out, err = await terminal.run("silence", "add", *words, "--json")
            assert (code, err.startswith("It matches ")) == (0, True)
            silence = json.loads(out)["target"]
            assert [each["silence_id"] for each in await terminal.json("silence", "list")] == [silence]
            assert (await terminal.run("silence", "expire", silence[:8]))[0] == 0
            assert (await terminal.run("silence", "list"))[1] == "no silence\n"
