"""The manifest of an evidence package: where it comes from, and the hash of every file in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, NonNegativeInt, StringConstraints, model_validator

from livewarden.contracts.base import Part

MANIFEST, CHECKLIST = "manifest.json", "manifest.sha256"
"""Names of the manifest, and of the list of hashes that `sha256sum --check` reads."""
_WORD = r"[A-Za-z0-9_][A-Za-z0-9._-]*"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in small hexadecimal digits."""
Name = Annotated[str, StringConstraints(max_length=200, pattern=rf"^{_WORD}(/{_WORD})*$")]
"""Path of a file inside a package: plain words and slashes, so that unpacking it writes nowhere else."""


class File(Part):
    """One file of a package: its size in bytes, its hash, and what it is in a sentence."""

    path: Name
    size: NonNegativeInt
    sha256: Sha256
    what: str
    rows: NonNegativeInt | None = Field(default=None, description="Rows of a table; unset where it is none.")
    sql: str | None = Field(default=None, description="The query whose result it is, before anything was redacted.")


class Source(Part):
    """The stretch of a Kafka partition that the events in a package come from; `to_offset` is exclusive."""

    topic: str
    partition: NonNegativeInt
    from_offset: NonNegativeInt
    to_offset: NonNegativeInt
    events: NonNegativeInt


class Manifest(Part):
    """What a package holds and how it came to be. `redacted` and `limits` are sentences; both may be empty.

    >>> from livewarden.times import parse_ms
    >>> one = Manifest(case_id="c1", case_version=3, run="live", created_at="2026-03-07T09:00:00Z", livewarden="0.1.0",
    ...     clickhouse="26.1.1.1", files=(File(path="case.json", size=2, sha256=sha256(b"{}"), what="The case."),))
    >>> Manifest.from_bytes(one.to_bytes()) == one
    True
    >>> len(one.digest())
    64
    >>> print(one.checklist().decode().splitlines()[1])
    44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  case.json
    """

    schema_version: Literal[1] = 1
    case_id: str
    case_version: NonNegativeInt
    run: str
    created_at: AwareDatetime = Field(description="When it was built, by the clock of who built it.")
    livewarden: str = Field(description="Version of livewarden that built it.")
    clickhouse: str = Field(description="Version of ClickHouse that it was read from.")
    monitors: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="By name, the hashes of the configurations under which the alerts were raised.",
    )
    sources: tuple[Source, ...] = Field(default=(), description="Where the events in it stand in Kafka.")
    redacted: tuple[str, ...] = Field(default=(), description="What was replaced or left out, in words.")
    limits: tuple[str, ...] = Field(default=(), description="What was cut off or could not be had, in words.")
    files: tuple[File, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [name.casefold() for name in self.names()]  # so that it can be unpacked everywhere
        if len(set(names)) < len(names):
            raise ValueError("a file is listed twice")
        return self

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Parse one; pydantic's ValidationError, a ValueError, says what is wrong."""
        return cls.model_validate_json(data)

    def to_bytes(self) -> bytes:
        """The JSON text as it stands in a package: indented, in the order of the fields."""
        return (json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n").encode()

    def digest(self) -> str:
        """The digest of the package: the SHA-256 of the manifest. It stands for every byte of every file."""
        return sha256(self.to_bytes())

    def checklist(self) -> bytes:
        """What `sha256sum --check` reads: the hash of the manifest and of every file."""
        return checklist(self.digest(), self)

    def names(self) -> list[str]:
        """All files of the package in their order, the manifest and the list of hashes first."""
        return [MANIFEST, CHECKLIST, *(file.path for file in self.files)]


def checklist(digest: str, manifest: Manifest) -> bytes:
    """The list of hashes for a manifest whose own hash is `digest`."""
    hashes = [(digest, MANIFEST), *((file.sha256, file.path) for file in manifest.files)]
    return "".join(f"{value}  {name}\n" for value, name in hashes).encode()


def sha256(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
