"""What a replay reads: recordings, or what workers stored; each a stream of events in an order that can be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.common import naming, reading, tracked
from livewarden.errors import SetupError
from livewarden.event import Event
from livewarden.settings import Settings
from livewarden.times import format_ms
from sources.delivery import deliver
from sources.merge import read_all
from sources.recording import DeadLine
from sources.recordings import shipped


@dataclass(slots=True)
class Source:
    """The events of one or several sources before `last_ms`, delivered to partitions as live; and what was met on the
    way.
    """

    names: Sequence[str]
    paths: Sequence[Path]
    settings: Settings
    last_ms: int | None = None
    dead: list[DeadLine] = field(default_factory=list)
    earliest_ms: int = 2**62
    latest_ms: int = -(2**62)

    def events(self) -> Iterator[Event]:
        """The events, with a progress bar. A line of another version of a contract is a SetupError:
        without it the answer would be about something else.
        """
        ahead_ms = self.settings.ahead_ms()
        read = self._before_last(read_all(self.paths, self._on_dead, ahead_ms))
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

    def _before_last(self, events: Iterator[Event]) -> Iterator[Event]:
        last = 2**62 if self.last_ms is None else self.last_ms
        ahead_ms = self.settings.ahead_ms()
        for event in events:
            if event.time_ms >= last:
                continue
            if not event.is_ahead(ahead_ms):
                self.earliest_ms = min(self.earliest_ms, event.time_ms)
                self.latest_ms = max(self.latest_ms, event.time_ms)
            yield event


@contextmanager
def opened(sources: Sequence[Path], settings: Settings, last_ms: int | None) -> Iterator[Source]:
    """The events of files, or of ClickHouse where the only name is `clickhouse`; what it needs on disk goes at the
    end. The name `shipped` stands for the recording that ships.
    """
    names = [str(path) for path in sources]
    if "kafka" in names:
        raise SetupError("replay from kafka is not in this version: name recordings, or clickhouse")
    if "clickhouse" in names and len(names) > 1:
        raise SetupError("clickhouse stands alone: what workers stored is not in the order of event time")
    with TemporaryDirectory(prefix="livewarden-replay-") as scratch:
        paths = [shipped() if path == Path("shipped") and not path.exists() else path for path in sources]
        if names == ["clickhouse"]:
            paths = [_archive(Path(scratch), settings, last_ms)]
        yield Source(names, paths, settings, last_ms)


def _archive(scratch: Path, settings: Settings, last_ms: int | None) -> Path:
    from sources.archive import record

    async def fetch(path: Path) -> None:
        async with reading(settings) as reader:
            if not await record(reader, path, last_ms):
                raise SetupError(f"ClickHouse at {settings.clickhouse_url} holds no events")

    path = scratch / "clickhouse.jsonl"
    asyncio.run(fetch(path))
    return path


def _shown(ms: int | None) -> str:
    return "–" if ms is None else format_ms(ms)
