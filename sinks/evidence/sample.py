"""A quality sample as one sealed file: plan, frame, draw, and in the end the reviews, each with its hash."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from livewarden.errors import SetupError
from sinks.evidence.manifest import sha256
from sinks.evidence.package import Member, pack, same_bytes

PLAN, FRAME, DRAW, REVIEWS, REPORT, HASHES = (
    "plan.json",
    "frame.csv",
    "draw.csv",
    "reviews.jsonl",
    "report.json",
    "SHA256SUMS",
)
_ORDER = (HASHES, PLAN, FRAME, DRAW, REVIEWS, REPORT)
_BROKEN = (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, KeyError, UnicodeDecodeError)


@dataclass(frozen=True)
class SampleFile:
    """What a sample file holds. `reviews` and `report` are empty until it is closed."""

    plan: bytes
    frame: Sequence[tuple[str, str]]
    draw: Sequence[tuple[str, str, str]]
    reviews: bytes = b""
    report: bytes = b""

    def files(self) -> dict[str, bytes]:
        """Its files by name, the list of hashes first."""
        found = {
            PLAN: self.plan,
            FRAME: _table(("action_id", "stratum"), self.frame),
            DRAW: _table(("action_id", "stratum", "probability"), self.draw),
        }
        if self.report:
            found |= {REVIEWS: self.reviews, REPORT: self.report}
        sums = "".join(f"{sha256(data)}  {name}\n" for name, data in found.items()).encode()
        return {HASHES: sums, **found}

    @property
    def digest(self) -> str:
        """The hash of the list of hashes: it stands for every byte."""
        return sha256(self.files()[HASHES])

    def write(self, path: Path, *, force: bool = False) -> str:
        """Write it and return its digest; a file that is there is a SetupError, unless forced."""
        if path.exists() and not force:
            raise SetupError(f"{path} is there already: give another name, or --force")
        try:
            with path.open("wb") as target:
                _pack(self.files(), target)
        except OSError as error:
            raise SetupError(f"{path}: {error.strerror}") from error
        return self.digest


def read_sample(path: Path) -> tuple[SampleFile, list[str]]:
    """What a file holds, and what is wrong with it in words; SetupError where it is no sample at all."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            found = {name: archive.read(name) for name in names if name in _ORDER}
            sample = _parsed(found)
            problems = _problems(found, names, sample)
            if not problems:
                with tempfile.TemporaryFile() as again:
                    _pack(sample.files(), again)
                    if not same_bytes(file, again):
                        problems.append("the archive around its files has changed")
            return sample, problems
    except _BROKEN as error:
        raise SetupError(f"{path}: no sample that this version can read ({type(error).__name__})") from error


def _parsed(found: Mapping[str, bytes]) -> SampleFile:
    frame = [(row["action_id"], row["stratum"]) for row in _rows(found[FRAME])]
    draw = [(row["action_id"], row["stratum"], row["probability"]) for row in _rows(found[DRAW])]
    return SampleFile(found[PLAN], frame, draw, found.get(REVIEWS, b""), found.get(REPORT, b""))


def _problems(found: Mapping[str, bytes], names: Sequence[str], sample: SampleFile) -> list[str]:
    problems = [f"{name} does not belong to it" for name in names if name not in _ORDER]
    lines = (line.partition("  ") for line in found[HASHES].decode().splitlines())
    listed = {name: digest for digest, _, name in lines}
    problems += [f"{name} is missing" for name in listed if name not in found]
    problems += [
        f"{name} has changed" for name, data in found.items() if name != HASHES and listed.get(name) != sha256(data)
    ]
    return problems


def to_json(value: Any) -> bytes:
    """The one text of a JSON value in a sample: sorted keys, indented."""
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()


def _rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def _pack(files: Mapping[str, bytes], target: IO[bytes]) -> None:
    pack((Member(name, len(data), partial(io.BytesIO, data)) for name, data in files.items()), target)
