"""The archive around an evidence package: the same files always give the same bytes."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from livewarden.errors import SetupError

MOST_BYTES = 2_000_000_000
"""Of one package. Above it archives are laid out differently, and few places take a file of that size anyway."""
MOST_FILES = 10_000
CHUNK = 1 << 20
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True)
class Member:
    """A file to pack: its name in the archive, its size in bytes, and how to open it for reading."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Self:
        """A file that is in memory."""
        return cls(name, len(data), lambda: io.BytesIO(data))

    @classmethod
    def of_path(cls, name: str, path: Path) -> Self:
        """A file on disk."""
        return cls(name, path.stat().st_size, lambda: path.open("rb"))


def pack(members: Iterable[Member], target: IO[bytes]) -> None:
    """Write members, in their order, as a ZIP without compression; `target` can seek and is at its start.

    Nothing but names and contents reaches the bytes: no time, no owner, no extra field, no comment. Without
    compression, no version of a compressor does either. More than `MOST_BYTES` or `MOST_FILES` is a SetupError.

    >>> target = io.BytesIO()
    >>> pack([Member.of_bytes("a.txt", b"hello")], target)
    >>> len(target.getvalue())
    113
    """
    total = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for number, member in enumerate(members, start=1):
            total += member.size + 200
            if total > MOST_BYTES or number > MOST_FILES:
                raise SetupError(
                    f"the package would hold more than {MOST_BYTES:,} bytes or {MOST_FILES:,} files: "
                    "let it hold fewer events"
                )
            info = zipfile.ZipInfo(member.name, _LONG_AGO)
            info.create_system, info.external_attr, info.file_size = _UNIX, _PLAIN_FILE, member.size
            with member.open() as source, archive.open(info, "w") as inside:
                shutil.copyfileobj(source, inside, CHUNK)


def same_bytes(one: IO[bytes], other: IO[bytes]) -> bool:
    """Whether two files have equal contents; both are read from their start."""
    one.seek(0)
    other.seek(0)
    while True:
        block = one.read(CHUNK)
        if block != other.read(CHUNK):
            return False
        if not block:
            return True
