"""A channel that is a file: a line of JSON for each notification."""

from __future__ import annotations

import asyncio
import fcntl
from dataclasses import asdict
from pathlib import Path

import orjson

from livewarden.errors import RetryLater, SetupError
from sinks.channels.channel import Outgoing


class FileChannel:
    """Appends to a file, which it makes where there is none; whoever moves the file away gets a new one.

    A line is the fields of `Outgoing` as one JSON object. A line that a crash cut short stays, and the next one begins
    anew. Several processes may share one.
    A folder that is not there is a SetupError.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> outgoing = Outgoing("n1", "i1", "new", "critical", "Orders fell", "by half", "")
    >>> asyncio.run(FileChannel("log", path).send(outgoing))
    >>> orjson.loads(path.read_text())["title"]
    'Orders fell'
    """

    def __init__(self, name: str, path: Path) -> None:
        if not path.parent.is_dir() or path.is_dir():
            raise SetupError(f"channel {name!r}: {path}: " + ("is a folder" if path.is_dir() else "no such folder"))
        self.name = name
        self._path = path

    async def send(self, outgoing: Outgoing) -> None:
        """See `Channel.send`."""
        try:
            await asyncio.to_thread(self._append, orjson.dumps(asdict(outgoing)) + b"\n")
        except OSError as error:
            raise RetryLater(f"{self._path}: {error.strerror}") from error

    def _append(self, line: bytes) -> None:
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
            file.seek(0, 2)
            if file.tell():
                file.seek(-1, 2)
                line = line if file.read() == b"\n" else b"\n" + line
            file.write(line)
            file.flush()
