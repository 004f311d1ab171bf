"""What a replay reads: recordings, what workers stored, or a range of the log; each a stream of events in an order that
can be repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cli.common import naming, reading, tracked
from livewarden.duration import parse_duration_ms
from livewarden.errors import SetupError
from livewarden.event import Event
from livewarden.settings import Settings
from livewarden.times import format_ms
from models.monitors.plan import Plan
from sources.delivery import deliver
from sources.merge import read_all
from sources.recording import DeadLine
from sources.recordings import shipped

WarmUp = Annotated[
    str | None,
    typer.Option("--warm-up", metavar="DURATION", help="Read from so long before --from, not all before it."),
]


@dataclass(slots=True)
class ReplaySource:
    """The events of one or several sources in [read_from_ms, last_ms), delivered to partitions as live; and what was
    met on the way.
    """

    names: Sequence[str]
    paths: Sequence[Path]
    settings: Settings
    last_ms: int | None = None
    read_from_ms: int | None = None
    dead: list[DeadLine] = field(default_factory=list)
    earliest_ms: int = 2**62
    latest_ms: int = -(2**62)

    def events(self) -> Iterator[Event]:
        """The events, with a progress bar. A line of another version of a contract is a SetupError:
        without it the answer would be about something else.
        """
        ahead_ms = self.settings.ahead_ms()
        read = self._inside(read_all(self.paths, self._on_dead, ahead_ms))
        return deliver(tracked(read, naming(self.names)), self.settings.partitions_by_topic())

    def check(self, first_ms: int | None) -> None:
        """After the last event: SetupError where no line was an event, or the range lies outside of them all."""
        if self.latest_ms < self.earliest_ms:
            if self.dead:
                first = self.dead[0]
                raise SetupError(
                    f"{first.file}: no line is an event; line {first.line}: {first.reason}: {first.detail}"
                )
            raise SetupError(f"{naming(self.names)}: no event before --to, {_shown(self.last_ms)}")
        if first_ms is not None and first_ms > self.latest_ms:
            raise SetupError(f"{naming(self.names)}: no event from {_shown(first_ms)} on; {self._said()}")

    def _said(self) -> str:
        until = "" if self.last_ms is None else " before --to"
        return f"the first one{until} is of {_shown(self.earliest_ms)}, the last of {_shown(self.latest_ms)}"

    def _on_dead(self, line: DeadLine) -> None:
        if line.reason == "wrong_version":
            raise SetupError(f"{line.file}: line {line.line}: {line.detail}")
        self.dead.append(line)

    def _inside(self, events: Iterator[Event]) -> Iterator[Event]:
        last = 2**62 if self.last_ms is None else self.last_ms
        first = -(2**62) if self.read_from_ms is None else self.read_from_ms
        ahead_ms = self.settings.ahead_ms()
        for event in events:
            if not first <= event.time_ms < last:
                continue
            if not event.is_ahead(ahead_ms):
                self.earliest_ms = min(self.earliest_ms, event.time_ms)
                self.latest_ms = max(self.latest_ms, event.time_ms)
            yield event


@contextmanager
def opened(
    sources: Sequence[Path],
    settings: Settings,
    last_ms: int | None,
    read_from_ms: int | None = None,
    offsets: Sequence[str] = (),
) -> Iterator[ReplaySource]:
    """The events of files, or of ClickHouse or Kafka where the only name is `clickhouse` or `kafka`; what it needs on
    disk goes at the end. The name `shipped` stands for the recording that ships.
    """
    names = [str(path) for path in sources]
    for name in ("clickhouse", "kafka"):
        if name in names and len(names) > 1:
            raise SetupError(f"{name} stands alone: what is there is not in the order of event time")
    if offsets and names != ["kafka"]:
        raise SetupError("--offsets is about Kafka: name kafka as the source")
    with TemporaryDirectory(prefix="livewarden-replay-") as scratch:
        paths = [shipped() if path == Path("shipped") and not path.exists() else path for path in sources]
        read = ReplaySource(names, paths, settings, last_ms, read_from_ms)
        if names == ["clickhouse"]:
            read.paths = [_archive(Path(scratch), settings, last_ms)]
        elif names == ["kafka"]:
            read.paths = [_log(Path(scratch), read, offsets)]
        yield read


def read_from(first_ms: int | None, warm_up: str | None, plan: Plan) -> int | None:
    """The time from which on events are read: so long before `--from`, and at the beginning of a bucket of every
    monitor, since half of one would look like a fall. None: all events.
    """
    if warm_up is None:
        return None
    if first_ms is None:
        raise SetupError("--warm-up ends at --from: say --from, too")
    try:
        begins_ms = first_ms - parse_duration_ms(warm_up)
    except ValueError as error:
        raise SetupError(f"--warm-up: {error}") from error
    return begins_ms - begins_ms % max(monitor.bucket for monitor in plan.monitors)


def _archive(scratch: Path, settings: Settings, last_ms: int | None) -> Path:
    from sources.archive import record

    async def fetch(path: Path) -> None:
        async with reading(settings) as reader:
            if not await record(reader, path, last_ms):
                raise SetupError(f"ClickHouse at {settings.clickhouse_url} holds no events")

    path = scratch / "clickhouse.jsonl"
    asyncio.run(fetch(path))
    return path


def _log(scratch: Path, read: ReplaySource, offsets: Sequence[str]) -> Path:
    from streams.kafka_access import access_of
    from streams.kafka_range import KafkaRange, parse_offsets

    settings, path = read.settings, scratch / "kafka.jsonl"
    wanted = tuple(parse_offsets(offsets))
    log = KafkaRange(access_of(settings), settings.topic_prefix, wanted, read.read_from_ms)
    if not asyncio.run(log.record(path, read.dead.append)):
        what = "the offsets hold no event" if offsets else f"Kafka at {settings.kafka} holds no event"
        raise SetupError(what)
    return path


def _shown(ms: int | None) -> str:
    return "–" if ms is None else format_ms(ms)
