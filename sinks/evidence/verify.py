"""Whether an evidence package is, byte for byte, what was built. It needs the file, and nothing else."""

from __future__ import annotations

import hashlib
import re
import struct
import tempfile
import zipfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from livewarden.errors import SetupError
from sinks.evidence.manifest import CHECKLIST, MANIFEST, Manifest, checklist, sha256
from sinks.evidence.package import CHUNK, MOST_BYTES, MOST_FILES, Member, pack, same_bytes

_END = struct.Struct("<4s4H2LH")
_MOST_MANIFEST = 64 << 20
_BROKEN = (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, OverflowError, MemoryError, struct.error)
"""What reading an archive that is none may raise."""


@dataclass(frozen=True)
class Verification:
    """What was found: `problems` in words, none where the package is intact;
    its digest and manifest as far as they are there.
    """

    problems: tuple[str, ...] = ()
    digest: str = ""
    manifest: Manifest | None = None

    @property
    def intact(self) -> bool:
        """Whether every byte is as it was built."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        found = (
            self.manifest.model_dump(mode="json", exclude={"files": {"__all__": {"sql"}}}) if self.manifest else None
        )
        return {"intact": self.intact, "problems": list(self.problems), "digest": self.digest, "manifest": found}


def verify(path: Path, digest: str | None = None) -> Verification:
    """Check a package: every hash, no file missing or added, and the archive as writing its contents again would give
    it.

    `digest`: one noted elsewhere when it was built, in hexadecimal digits. Without it, whoever replaces a file *and*
    the manifest is not found out. A file that is not there or cannot be opened is a SetupError; whatever its bytes are
    is not.
    """
    noted = digest.strip().lower() if digest is not None else None
    if noted is not None and not re.fullmatch(r"[0-9a-f]{64}", noted):
        raise SetupError("a digest is 64 hexadecimal digits, such as `evidence build` prints")
    try:
        with path.open("rb") as file:
            found = _verify(file)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror or error}") from error
    if noted is not None and found.digest and found.digest != noted:
        wrong = f"its digest is {found.digest}, not {noted}: it is another package than the one noted"
        return replace(found, problems=(wrong, *found.problems))
    return found


def _verify(file: IO[bytes]) -> Verification:
    size = file.seek(0, 2)
    if wrong := _no_package(file, size):
        return Verification((wrong,))
    try:
        with zipfile.ZipFile(file) as archive:
            return _contents(file, archive, size)
    except _BROKEN as error:
        return Verification((f"it cannot be read as an archive: {_one_line(error)}",))


def _no_package(file: IO[bytes], size: int) -> str:
    file.seek(0)
    if file.read(4) != b"PK\x03\x04":
        return "it is no evidence package: it does not begin as an archive does" if size else "it is empty"
    if size > MOST_BYTES:
        return f"it is larger than any evidence package ({size:,} bytes)"
    file.seek(max(0, size - _END.size))
    tail = file.read(_END.size)
    if len(tail) < _END.size or tail[:4] != b"PK\x05\x06":
        return "its end is missing, or something was added to it"
    *_, listed, start, _ = _END.unpack(tail)
    return "" if start + listed + _END.size == size else "its list of files is not where it was written"


def _contents(file: IO[bytes], archive: zipfile.ZipFile, size: int) -> Verification:
    members = archive.infolist()
    names = [member.filename for member in members]
    if wrong := _declared(members, size):
        return Verification((wrong,))
    if MANIFEST not in names:
        return Verification((f"it is no evidence package: it has no {MANIFEST}",))
    if archive.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
        return Verification((f"its {MANIFEST} is too large to be one",))
    try:
        written = archive.read(MANIFEST)
        manifest = Manifest.from_bytes(written)
    except zipfile.BadZipFile:
        return Verification((f"{MANIFEST} has changed",))
    except ValueError as error:
        return Verification((f"{MANIFEST} is none that this version can read: {_one_line(error)}",))
    digest = sha256(written)
    problems = [f"{name} is missing" for name in manifest.names() if name not in names]
    problems += [f"{_shown(name)} does not belong to it" for name in names if name not in manifest.names()]
    hashes = {each.path: each.sha256 for each in manifest.files} | {CHECKLIST: sha256(checklist(digest, manifest))}
    problems += [f"{name} has changed" for name in names if name in hashes and not _has(archive, name, hashes[name])]
    sizes = {each.path: each.size for each in manifest.files}
    problems += [
        f"{name} has another size than the manifest says"
        for name in names
        if name in sizes and archive.getinfo(name).file_size != sizes[name]
    ]
    if not problems and not _as_written(file, archive, manifest):
        problems.append("the archive around its files has changed")
    return Verification(tuple(problems), digest, manifest)


def _declared(members: list[zipfile.ZipInfo], size: int) -> str:
    if len(members) > MOST_FILES:
        return f"it holds {len(members):,} files, more than any evidence package"
    seen: set[str] = set()
    for member in members:
        name = _shown(member.filename)
        if member.filename in seen:
            return f"{name} is in it twice"
        seen.add(member.filename)
        if member.filename.startswith("/") or ".." in member.filename.split("/") or "\\" in member.filename:
            return f"{name} would be written outside of where it is unpacked"
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            return f"{name} is compressed, which no file of an evidence package is"
    declared = sum(member.file_size for member in members)
    return f"its files declare {declared:,} bytes, more than it has" if declared > size else ""


def _has(archive: zipfile.ZipFile, name: str, wanted: str) -> bool:
    found = hashlib.sha256()
    try:
        with archive.open(name) as inside:
            while block := inside.read(CHUNK):
                found.update(block)
    except _BROKEN:
        return False
    return found.hexdigest() == wanted


def _as_written(file: IO[bytes], archive: zipfile.ZipFile, manifest: Manifest) -> bool:
    members = [Member(name, archive.getinfo(name).file_size, partial(archive.open, name)) for name in manifest.names()]
    try:
        with tempfile.TemporaryFile() as again:
            pack(members, again)
            return same_bytes(file, again)
    except OSError as error:
        raise SetupError(f"no room to write the package again, to compare: {error.strerror}; set TMPDIR") from error


def _shown(name: str) -> str:
    """A name out of the archive, which may hold anything."""
    return name if re.fullmatch(r"[\w./-]{1,100}", name, re.ASCII) else ascii(name)[:100]


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in text) or type(error).__name__
