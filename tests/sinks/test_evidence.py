"""Evidence packages: the same contents give the same bytes, and any changed byte is found."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import livewarden
from cli import main
from livewarden.errors import SetupError
from sinks.evidence.manifest import File, Manifest, Source, sha256
from sinks.evidence.package import Member, pack
from sinks.evidence.verify import verify

CONTENTS: Final = {
    "README.txt": b"How to check this package.\n",
    "case.json": b'{"case_id": "case-1"}\n',
    "charts/1.svg": b"<svg/>",
    "events.csv": b"",
}
GOLDEN: Final = Path(__file__).parents[1] / "goldens" / "evidence-manifest.json"


def manifest_of(contents: dict[str, bytes], **changes: object) -> Manifest:
    files = [
        File(path=name, size=len(data), sha256=sha256(data), what=f"What {name} is.", sql=None, rows=None)
        for name, data in contents.items()
    ]
    given: dict[str, object] = {
        "case_id": "case-1",
        "case_version": 3,
        "run": "live",
        "created_at": "2026-03-07T09:00:00Z",
        "livewarden": "0.1.0",
        "clickhouse": "26.1.1.1",
        "monitors": {"measures": ("c0ffee",)},
        "sources": (Source(topic="live.enforcement", partition=0, from_offset=7, to_offset=9, events=2),),
        "redacted": ("shop_id: replaced by a pseudonym.",),
        "files": tuple(files),
    }
    return Manifest.model_validate(given | changes)


def packed(contents: dict[str, bytes], manifest: bytes, checklist: bytes) -> bytes:
    target = io.BytesIO()
    whole = {"manifest.json": manifest, "manifest.sha256": checklist} | contents
    pack([Member.of_bytes(name, data) for name, data in whole.items()], target)
    return target.getvalue()


def small() -> bytes:
    manifest = manifest_of(CONTENTS)
    return packed(CONTENTS, manifest.to_bytes(), manifest.checklist())


SMALL: Final = small()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evidence") / "one.evidence.zip"


def problems(place: Path, data: bytes) -> tuple[str, ...]:
    place.write_bytes(data)
    return verify(place).problems


def test_a_manifest_is_as_it_was_agreed() -> None:
    assert manifest_of(CONTENTS).to_bytes() == GOLDEN.read_bytes()


def test_the_bytes_of_a_package_hang_on_its_contents_alone(place: Path) -> None:
    assert small() == SMALL
    assert sha256(SMALL) == "99374e2a36933f205cb869fec1a38a5add0cda6e592734153524ee5308478b64"
    place.write_bytes(SMALL)
    found = verify(place)
    assert found.intact
    assert found.digest == manifest_of(CONTENTS).digest()
    assert found.manifest == manifest_of(CONTENTS)


@settings(deadline=None)
@given(at=st.integers(0, len(SMALL) - 1), flip=st.integers(1, 255))
def test_any_changed_byte_is_found(place: Path, at: int, flip: int) -> None:
    assert problems(place, SMALL[:at] + bytes([SMALL[at] ^ flip]) + SMALL[at + 1 :])


def test_every_byte_is_looked_at(place: Path) -> None:
    unseen = [
        at for at in range(len(SMALL)) if not problems(place, SMALL[:at] + bytes([SMALL[at] ^ 1]) + SMALL[at + 1 :])
    ]
    assert unseen == []


@settings(deadline=None)
@given(cut=st.integers(0, len(SMALL) - 1))
def test_what_is_cut_off_is_found(place: Path, cut: int) -> None:
    assert problems(place, SMALL[:cut])
    assert problems(place, SMALL[len(SMALL) - cut :])


@settings(deadline=None)
@given(more=st.binary(min_size=1, max_size=80))
def test_what_is_added_is_found(place: Path, more: bytes) -> None:
    assert problems(place, SMALL + more)
    assert problems(place, more + SMALL)


@settings(deadline=None)
@given(start=st.integers(0, len(SMALL)), length=st.integers(0, 60), other=st.binary(max_size=60))
def test_what_is_put_in_its_place_is_found(place: Path, start: int, length: int, other: bytes) -> None:
    changed = SMALL[:start] + other + SMALL[start + length :]
    assert bool(problems(place, changed)) == (changed != SMALL)


@settings(deadline=None)
@given(data=st.binary(max_size=300))
def test_whatever_it_is_it_is_said_in_a_line(place: Path, data: bytes) -> None:
    for each in (data, b"PK\x03\x04" + data, SMALL[:40] + data + SMALL[-60:]):
        found = problems(place, each)
        assert found
        assert all(line.isprintable() and len(line) < 400 for line in found)


def test_a_problem_names_the_file(place: Path) -> None:
    manifest = manifest_of(CONTENTS)
    changed = CONTENTS | {"case.json": b'{"case_id": "case-2"}\n'}
    assert problems(place, packed(changed, manifest.to_bytes(), manifest.checklist())) == ("case.json has changed",)
    at = SMALL.index(CONTENTS["case.json"])
    assert problems(place, SMALL[:at] + b"[" + SMALL[at + 1 :]) == ("case.json has changed",)
    less = {name: data for name, data in CONTENTS.items() if name != "events.csv"}
    assert problems(place, packed(less, manifest.to_bytes(), manifest.checklist())) == ("events.csv is missing",)
    more = CONTENTS | {"more.txt": b"x"}
    found = problems(place, packed(more, manifest.to_bytes(), manifest.checklist()))
    assert found == ("more.txt does not belong to it",)
    anomalous = CONTENTS | {"a\n\x1b[31m" * 99: b"x"}
    (line,) = problems(place, packed(anomalous, manifest.to_bytes(), manifest.checklist()))
    assert line.isprintable()
    assert len(line) < 200


def test_the_list_of_hashes_is_checked_too(place: Path) -> None:
    manifest = manifest_of(CONTENTS)
    assert problems(place, packed(CONTENTS, manifest.to_bytes(), b"")) == ("manifest.sha256 has changed",)


def test_files_in_another_order_are_another_archive(place: Path) -> None:
    manifest = manifest_of(CONTENTS)
    turned = dict(reversed(CONTENTS.items()))
    found = problems(place, packed(turned, manifest.to_bytes(), manifest.checklist()))
    assert found == ("the archive around its files has changed",)


def test_a_package_made_anew_is_found_by_its_digest_alone(place: Path) -> None:
    noted = manifest_of(CONTENTS).digest()
    forged = CONTENTS | {"case.json": b"{}"}
    manifest = manifest_of(forged)
    place.write_bytes(packed(forged, manifest.to_bytes(), manifest.checklist()))
    assert verify(place).intact
    (problem,) = verify(place, noted).problems
    assert noted in problem
    assert verify(place, manifest.digest().upper()).intact
    with pytest.raises(SetupError, match="64 hexadecimal digits"):
        verify(place, "abc")


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", compression) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"hello", "does not begin as an archive does"),
        (b"PK\x03\x04", "its end is missing"),
        (zipped(("a", b"x")), "it has no manifest.json"),
        (zipped(("a", b"x"), ("a", b"y")), "a is in it twice"),
        (zipped(("../a", b"x")), "../a would be written outside"),
        (zipped(("/etc/a", b"x")), "would be written outside"),
        (zipped(("b\\..\\a", b"x")), "would be written outside"),
        (zipped(("a", b"x" * 10_000_000), compression=zipfile.ZIP_DEFLATED), "a is compressed"),
        (zipped(("manifest.json", b"{}")), "manifest.json is none that this version can read"),
        (zipped(("manifest.json", b"[" * 100_000)), "manifest.json is none that this version can read"),
        (zipped(("manifest.json", b"\xff")), "manifest.json is none that this version can read"),
    ],
    ids=range(12),
)
def test_what_is_no_package_is_said_in_words(place: Path, data: bytes, said: str) -> None:
    (problem,) = problems(place, data)
    assert said in problem


def test_sizes_that_are_declared_and_not_there_take_no_memory(place: Path) -> None:
    data = bytearray(zipped(("a", b"x")))
    listed = data.index(b"PK\x01\x02")
    data[listed + 20 : listed + 28] = struct.pack("<LL", 0xFFFFFFF0, 0xFFFFFFF0)
    (problem,) = problems(place, bytes(data))
    assert "more than it has" in problem


def test_a_manifest_of_a_later_version_is_not_guessed_at(place: Path) -> None:
    later = json.loads(manifest_of(CONTENTS).to_bytes()) | {"schema_version": 2}
    (problem,) = problems(place, packed(CONTENTS, json.dumps(later).encode(), b""))
    assert "manifest.json is none that this version can read" in problem


def test_names_that_leave_the_package_cannot_stand_in_a_manifest() -> None:
    for name in ("../a", "/a", "a/../b", ".hidden", "a\\b", "", "a//b", "a/", "é", "a\n"):
        with pytest.raises(ValueError, match="path"):
            File(path=name, size=0, sha256="0" * 64, what="")
    with pytest.raises(ValueError, match="twice"):
        manifest_of({"A.txt": b"", "a.txt": b""})


def test_what_is_not_there_is_a_mistake_and_no_no(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "verify", str(tmp_path / "none.zip")]) == 2
    assert main(["evidence", "verify", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert [line.split(": ", 1)[1] for line in err.splitlines()] == ["No such file or directory", "Is a directory"]


def test_the_verdict_is_the_exit_code(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place.write_bytes(SMALL)
    assert main(["evidence", "verify", str(place)]) == 0
    assert manifest_of(CONTENTS).digest() in capsys.readouterr().out
    assert main(["evidence", "verify", str(place), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["intact"] is True
    place.write_bytes(SMALL[:-1])
    assert main(["evidence", "verify", str(place)]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 1
    place.write_bytes(SMALL)
    assert main(["evidence", "verify", str(place), "--digest", "0" * 64]) == 1
    assert main(["evidence", "verify", str(place), "--digest", "0"]) == 2


def test_it_is_checked_elsewhere_with_nothing_set(tmp_path: Path) -> None:
    """Another folder, no environment: the code and the file are all it takes."""
    (tmp_path / "case.zip").write_bytes(SMALL)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(livewarden.__file__).parents[1])!r});"
        "from cli import main; code = main(['evidence', 'verify', 'case.zip']);"
        "sys.exit(code or bool({'clickhouse_connect', 'chdb'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "intact" in ran.stdout


def test_sha256sum_alone_can_check_it(place: Path, tmp_path: Path) -> None:
    place.write_bytes(SMALL)
    with zipfile.ZipFile(place) as archive:
        archive.extractall(tmp_path)
    command = ["sha256sum", "--check", "--strict", "--quiet", "manifest.sha256"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "case.json").write_bytes(b"{}")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1
