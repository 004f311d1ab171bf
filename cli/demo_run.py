"""The demo: the embedded services, a real worker process, the two recordings, and what came of them."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from pydantic import SecretStr

from cli.demo_months import months, months_line
from cli.simulation_score import alert_json, alert_line, incident_line, outcomes
from cli.web import evidence_in, interrupted, web
from livewarden.clock import SystemClock
from livewarden.contracts import TOPICS
from livewarden.errors import SetupError
from livewarden.event import Event
from livewarden.settings import Settings
from models.monitors.plan import Plan
from sinks.embedded.server import EmbeddedClickHouse
from sinks.store.connection import Address
from sinks.store.migrate import apply
from sinks.store.reader import Reader
from sinks.whole_file import private_file
from sources.recording import read
from sources.recordings import shipped
from sources.simulate import Scenario, simulate, truth, truth_json
from streams.actions import sending
from streams.embedded_kafka import EmbeddedKafka
from streams.feed import Feeder, feeder
from streams.kafka_access import Access

MARKER = ".livewarden-demo"
ENVIRONMENT = "environment"
"""The file in the demo's folder that says where its services are."""
PARTITIONS = 2
LATENESS_S = 30.0
POLL_S = 0.5
STOP_WITHIN_S = 15.0
CONSOLE_PORT = 8080
RESPONSE_FILE = """\
# Written by the demo: every incident, however old, goes to a file beside this one.
{link}group_wait = "0s"
tick = "2s"
stale_after = "36500d"
closure_windows = 0
fallback = ["log"]

[sla.critical]
triage = "30m"
resolve = "1d"

[sla.warning]
triage = "4h"
resolve = "3d"

[[channel]]
name = "log"
file = {file}

[[route]]
name = "everything"
to = ["log"]
"""

Say = Callable[[str], None]


class Demo:
    """One run of the demo in `folder`, which is made anew; `say` gets what a person should read, line by line.

    `plan`: the monitors that ship, which the worker reads too. `scenario`: what is simulated. `clickhouse`: a server
    whose database takes the rows; without it the embedded one runs, on `port`.
    """

    def __init__(
        self, plan: Plan, scenario: Scenario, folder: Path, port: int, say: Say, clickhouse: Address | None = None
    ) -> None:
        self._plan = plan
        self._scenario = scenario
        self._folder = folder
        self._port = port
        self._say = say
        self._given = clickhouse
        self._shown: set[tuple[str, int]] = set()

    async def run(self, *, stay: bool, console_port: int | None = None) -> dict[str, Any]:
        """Feed both recordings through a worker; returns the summary. `stay`: keep the services until interrupted.

        The console runs with what stays, from the start, on `console_port`; None takes 8080, or a free one where that
        is taken.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        here = asyncio.current_task()
        assert here is not None
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, here.cancel)  # so that the worker is stopped, too
        with self.prepare(), self._clickhouse() as clickhouse, EmbeddedKafka() as kafka:
            await apply(clickhouse)
            for topic, partitions in Settings(partitions=PARTITIONS, partials_partitions=PARTITIONS).topics().items():
                kafka.create_topic(topic, partitions)
            self._leave_address(kafka, clickhouse)
            reader = await Reader.connect(clickhouse.url, clickhouse.user, clickhouse.password, clickhouse.database)
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(reader)
                console = await self._console(stack, kafka, reader, console_port) if stay else None
                self._respond(console)
                if console:
                    self._say(f"Console: {console}\n")
                worker = await stack.enter_async_context(self._worker(kafka, clickhouse))
                summary = await self._feed(kafka, reader, worker)
                self._say(
                    "\nSimulated, too: the sixty days after, in coarse steps, as the misjudgement radar sees them"
                )
                summary["months"] = await months(_settings(kafka, clickhouse))
                self._say(months_line(summary["months"]))
                summary["took_s"] = round(loop.time() - started, 1)
                summary["clickhouse"] = {"url": clickhouse.url, "data": str(self._folder / "clickhouse")}
                self._conclude(summary, clickhouse.url, console)
                if stay:
                    await interrupted(worker.wait())
        return summary

    @contextmanager
    def _clickhouse(self) -> Iterator[Address]:
        if self._given is not None:
            yield self._given
            return
        with EmbeddedClickHouse(self._folder / "clickhouse", self._port) as embedded:
            yield Address(embedded.url, embedded.user, embedded.password)

    def prepare(self) -> IO[str]:
        """Make the folder anew; gives the lock on it, which holds as long as it is open."""
        folder = self._folder.absolute()
        try:
            if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
                raise SetupError(f"{folder} is not empty and not a demo's folder: choose another one with --dir")
            folder.mkdir(parents=True, exist_ok=True)
            lock = _locked(folder)
            for each in folder.iterdir():
                if each.name != MARKER:
                    shutil.rmtree(each) if each.is_dir() else each.unlink()
        except OSError as error:
            raise SetupError(f"{folder}: {error.strerror}") from error
        return lock

    def _respond(self, console: str | None) -> None:
        """Write the response file: notifications lead to the console that runs with the demo."""
        folder = self._folder.absolute()
        target = json.dumps(str(folder / "notifications.jsonl"))
        link = f"console_url = {json.dumps(console)}\n" if console else ""
        (folder / "response.toml").write_text(RESPONSE_FILE.format(file=target, link=link))

    def _leave_address(self, kafka: EmbeddedKafka, clickhouse: Address) -> None:
        """Write where the services are, as a shell reads it, so that other commands of livewarden find them."""
        settings = _services(kafka, clickhouse) | {"RESPONSE": str(self._folder.absolute() / "response.toml")}
        lines = [f"export LIVEWARDEN_{name}={shlex.quote(value)}" for name, value in settings.items()]
        private_file(self._folder / ENVIRONMENT, "\n".join(lines) + "\n")

    async def _console(self, stack: AsyncExitStack, kafka: EmbeddedKafka, reader: Reader, port: int | None) -> str:
        submit = await stack.enter_async_context(sending(Settings(kafka=kafka.bootstrap), reader))
        folder = self._folder / "evidence"
        evidence = evidence_in(folder, reader, self._plan, SystemClock())
        serve = partial(web, reader, self._plan, submit=submit, build_evidence=evidence, packages=folder)
        try:
            return await stack.enter_async_context(serve(port=CONSOLE_PORT if port is None else port))
        except SetupError:
            if port is not None:
                raise
            return await stack.enter_async_context(serve(port=0))

    @asynccontextmanager
    async def _worker(self, kafka: EmbeddedKafka, clickhouse: Address) -> AsyncIterator[asyncio.subprocess.Process]:
        settings: dict[str, object] = {
            **_services(kafka, clickhouse),
            "PARTITIONS": PARTITIONS,
            "PARTIALS_PARTITIONS": PARTITIONS,
            "LATENESS_S": LATENESS_S,
            "IDLE_AFTER_S": 0,
            "FLUSH_S": 0.5,
            "INGEST_CHECKPOINT_S": 1.5,
            "DETECT_CHECKPOINT_S": 2.0,
            "RESPONSE": self._folder.absolute() / "response.toml",
            "ENDS_WITH_STDIN": "true",  # however this process ends, the worker does not outlive it
        }
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LIVEWARDEN_")}
        environment = plain | {f"LIVEWARDEN_{name}": str(value) for name, value in settings.items()}
        with private_file(self._folder / "worker.log").open("wb") as log:
            worker = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cli",
                "worker",
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
            try:
                yield worker
            finally:
                await _stop(worker)

    async def _feed(self, kafka: EmbeddedKafka, reader: Reader, worker: asyncio.subprocess.Process) -> dict[str, Any]:
        scenario = self._scenario
        shutil.copy(shipped(), self._folder)
        (self._folder / "simulation.truth.json").write_text(truth_json(scenario) + "\n")
        watching = asyncio.create_task(self._watch(reader, worker))
        try:
            async with feeder(Access(kafka.bootstrap), "livewarden") as feed:
                self._say(
                    "Real: statements of reasons filed in the EU DSA Transparency Database, 2023-09-25 to 2025-06-30"
                )
                recorded = await self._one(feed, read(shipped()), watching)
                self._say(
                    f"\nSimulated: {scenario.hours} hours of LIVE shopping on an invented platform, "
                    "with incidents in it"
                )
                simulated = await self._one(feed, simulate(scenario), watching)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await self._show_new(reader)
        alerts = [alert_json(row) for row in await reader.alerts(limit=100_000)]
        counts = await reader.counts()
        real = [alert for alert in alerts if alert["window_start"] < "2026"]
        made = [alert for alert in alerts if alert["window_start"] >= "2026"]
        return {
            "recording": {
                "source": "EU DSA Transparency Database (CC BY 4.0, © European Union), daily counts of one platform",
                "events": recorded,
                "alerts": [alert for alert in real if alert["suppressed_by"] is None],
                "suppressed": sum(alert["suppressed_by"] is not None for alert in real),
            },
            "simulation": {
                "simulated": True,
                "seed": scenario.seed,
                "events": simulated,
                "incidents": outcomes(truth(scenario), made, self._plan.by_name, LATENESS_S),
                "alerts": [alert for alert in made if alert["suppressed_by"] is None],
                "suppressed": sum(alert["suppressed_by"] is not None for alert in made),
            },
            "stored": counts,
        }

    async def _one(self, feed: Feeder, events: Iterable[Event], watching: asyncio.Task[None]) -> int:
        before = feed.sent
        async for _ in feed.send(events, dict.fromkeys(TOPICS, PARTITIONS)):
            if watching.done():
                watching.result()
        while not await feed.drained():
            if watching.done():
                watching.result()
            await asyncio.sleep(POLL_S)
        return feed.sent - before

    async def _watch(self, reader: Reader, worker: asyncio.subprocess.Process) -> None:
        while True:
            if worker.returncode is not None:
                log = (self._folder / "worker.log").read_text(errors="replace").strip().splitlines()
                raise SetupError(
                    f"the worker ended with code {worker.returncode}: {log[-1] if log else 'it said nothing'}"
                )
            await self._show_new(reader)
            await asyncio.sleep(POLL_S)

    async def _show_new(self, reader: Reader) -> None:
        for row in await reader.alerts(limit=100_000):
            key = row["alert_id"], 1
            if key not in self._shown and row["suppressed_by"] is None:
                self._shown.add(key)
                self._say(alert_line(alert_json(row)))

    def _conclude(self, summary: dict[str, Any], url: str, console: str | None) -> None:
        incidents = summary["simulation"]["incidents"]
        self._say("\nThe simulation's incidents:")
        for incident in incidents:
            self._say(incident_line(incident))
        found = sum(incident["found"] for incident in incidents)
        stored = summary["stored"]
        self._say(
            f"\n{found} of {len(incidents)} simulated incidents found · {stored['events']:,} events, "
            f"{stored['alerts']:,} alerts, {stored['cases']:,} case candidates in ClickHouse · {summary['took_s']} s\n"
            f"{stored['incidents']:,} incidents · {stored['notifications']:,} notifications, written to "
            f"{self._folder / 'notifications.jsonl'}"
        )
        if console:
            self._say(
                f"\nLook around, while this runs (Ctrl-C ends it):\n"
                f"  {console} in a browser\n"
                f'  livewarden sql --url {url} "SELECT window_start, monitor, series, observed,'
                " expected FROM alerts_history "
                f'WHERE observed > 100000 ORDER BY window_start"\n'
                f'  livewarden sql --url {url} "SELECT started_at, title, alert_count FROM cases_now ORDER BY'
                ' started_at"\n'
                f"  . {self._folder}/{ENVIRONMENT}; livewarden incident list; livewarden case list\n"
                f"  curl '{url}/?database=livewarden' --data-binary 'SELECT * FROM ingest_by_hour LIMIT 5 FORMAT"
                " Vertical'"
            )


async def _stop(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is not None:
        return
    worker.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(worker.wait(), STOP_WITHIN_S)
    except TimeoutError:
        worker.kill()
        await worker.wait()


def _locked(folder: Path) -> IO[str]:
    """The lock on a demo's folder; SetupError where another demo holds it."""
    lock = (folder / MARKER).open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise SetupError(f"a demo runs in {folder}: end it, or choose another folder with --dir") from None
    if not lock.tell():
        lock.write("A demo of livewarden makes this folder anew at each start.\n")
        lock.flush()
    return lock


def _services(kafka: EmbeddedKafka, clickhouse: Address) -> dict[str, str]:
    """Where they are, by the names of settings."""
    return {
        "KAFKA": kafka.bootstrap,
        "EMBEDDED_KAFKA": "true",
        "CLICKHOUSE_URL": clickhouse.url,
        "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_PASSWORD": clickhouse.password,
        "CLICKHOUSE_DATABASE": clickhouse.database,
    }


def _settings(kafka: EmbeddedKafka, clickhouse: Address) -> Settings:
    return Settings(
        kafka=kafka.bootstrap,
        clickhouse_url=clickhouse.url,
        clickhouse_user=clickhouse.user,
        clickhouse_password=SecretStr(clickhouse.password),
        clickhouse_database=clickhouse.database,
    )
