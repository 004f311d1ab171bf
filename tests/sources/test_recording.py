from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from livewarden.contracts import EnforcementAction, RoomLifecycle
from livewarden.errors import InvalidEvent, SetupError
from livewarden.event import Event
from livewarden.times import parse_ms
from sources.codec import LIMIT_BYTES, LINE_LIMIT_BYTES, event_of, to_line
from sources.recording import DeadLine, read, write
from sources.recordings import shipped

START_MS = parse_ms("2025-04-08T00:00:00Z")


def events(count: int = 5) -> list[Event]:
    return [
        event_of(
            RoomLifecycle(room_id=f"r{n}", state="STARTED", market="DE"),
            id=f"e{n}",
            source="/test",
            time_ms=START_MS + 1000 * n,
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet"])
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow", reason="parquet recordings need pyarrow")
    came_from_kafka = Event("e9", "/test", START_MS + 9000, events(1)[0].data, "live.rooms", partition=3, offset=17)
    written = [*events(), came_from_kafka]
    assert write(tmp_path / name, iter(written)) == 6
    assert list(read(tmp_path / name)) == written
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_equal_events_give_equal_bytes(tmp_path: Path, name: str) -> None:
    first, second = tmp_path / name, tmp_path / f"other-{name}"
    write(first, events())
    write(second, events())
    assert first.read_bytes() == second.read_bytes()
    assert write(first, events(4)) == 4
    assert first.read_bytes() != second.read_bytes()


def test_parquet_time_may_be_a_timestamp(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="parquet recordings need pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet", reason="parquet recordings need pyarrow")
    row = json.loads(to_line(events(1)[0]))
    table = pyarrow.table(
        {
            "id": [row["id"]],
            "source": [row["source"]],
            "type": [row["type"]],
            "time": pyarrow.array([START_MS], pyarrow.timestamp("ms", tz="UTC")),
            "data": [json.dumps(row["data"])],
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    assert list(read(tmp_path / "a.parquet")) == events(1)
    parquet.write_table(table.drop_columns(["data"]), tmp_path / "b.parquet")
    with pytest.raises(SetupError, match=r"b\.parquet: column data is missing"):
        list(read(tmp_path / "b.parquet"))
    (tmp_path / "c.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(SetupError, match="not a parquet file"):
        list(read(tmp_path / "c.parquet"))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(SetupError, match="pip install pyarrow"):
        list(read(tmp_path / "a.parquet"))


def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = [to_line(event) for event in events(2)]
    path.write_text("\n".join([good[0], "", '{"specversion":"1.0"', good[1]]) + "\n")
    with pytest.raises(InvalidEvent, match=r"broken_json: .*a\.jsonl: line 3: "):
        list(read(path))


def test_bad_lines_are_handed_over_and_reading_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    good = [to_line(event).encode() for event in events(3)]
    oversized = b'{"x":"' + b"y" * 3 * LIMIT_BYTES + b'"}'
    latin = good[0].replace(b'"r0"', b'"\xe9"')
    lines = [good[0], oversized, good[1], latin, b"[]", good[2].replace(b'"STARTED"', b'"FLYING"'), good[2]]
    path.write_bytes(gzip.compress(b"\r\n".join(lines)))
    dead: list[DeadLine] = []
    assert list(read(path, dead.append)) == events(3)
    assert [(line.line, line.reason) for line in dead] == [
        (2, "oversized"),
        (4, "broken_json"),
        (5, "not_cloudevent"),
        (6, "contract"),
    ]
    assert dead[1].raw == latin
    assert len(dead[0].raw) < 3 * LIMIT_BYTES


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
@pytest.mark.parametrize("length", [0, LINE_LIMIT_BYTES])
def test_a_byte_order_mark_loses_nothing(tmp_path: Path, name: str, length: int) -> None:
    first, second = (to_line(event).encode() for event in events(2))
    content = b"\xef\xbb\xbf" + first.ljust(length) + b"\r\n" + second + b"\r\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert list(read(path)) == events(2)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize(("over", "dies"), [(0, 0), (1, 1), (2, 1), (3, 1), (LINE_LIMIT_BYTES, 1)])
def test_the_longest_line_is_exactly_the_limit(tmp_path: Path, end: bytes, over: int, dies: int) -> None:
    path = tmp_path / "a.jsonl"
    first, second = (to_line(event).encode() for event in events(2))
    path.write_bytes(first.ljust(LINE_LIMIT_BYTES + over) + end + second + end)
    dead: list[DeadLine] = []
    assert list(read(path, dead.append)) == events(2)[dies:]
    assert [(line.line, line.reason) for line in dead] == [(1, "oversized")] * dies


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.jsonl", None, "no such file"),
        ("empty.jsonl", b"", "is empty"),
        ("blank.jsonl", b"\n\n", "is empty"),
        ("empty.jsonl.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("cut.jsonl.gz", gzip.compress(b"x" * 1000, mtime=0)[:-9], "damaged gzip"),
        ("plain.jsonl.gz", b"{}\n", "damaged gzip"),
        ("events.csv", b"a,b\n", r"ends in \.jsonl, \.jsonl\.gz or \.parquet"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError, match=says) as caught:
        list(read(path, lambda dead: None))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_old_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, events(2))
    before = path.read_bytes()

    def breaking() -> object:
        yield events(1)[0]
        raise InvalidEvent("contract", "line 2")

    with pytest.raises(InvalidEvent):
        write(path, breaking())  # type: ignore[arg-type]
    with pytest.raises(SetupError, match="no event"):
        write(path, [])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(SetupError, match="no such folder"):
        write(tmp_path / "no" / "a.jsonl", events())


def test_the_shipped_recording_has_the_known_incidents() -> None:
    assert shipped().stat().st_size < 200_000
    recorded = list(read(shipped()))
    times = [event.time_ms for event in recorded]
    assert times == sorted(times)
    assert {event.topic for event in recorded} == {"live.aggregates"}
    assert len({event.id for event in recorded}) == len(recorded)
    weights = {
        (f"{event.data.decided_at:%Y-%m-%d}", event.data.action_type): event.data.weight
        for event in recorded
        if isinstance(event.data, EnforcementAction)
    }
    assert weights["2025-04-08", "SHOP_CLOSED_PERMANENT"] == 240_043
    assert weights["2024-12-12", "PRODUCT_DEACTIVATED"] == 118_211
    assert weights["2025-05-27", "PRODUCT_DEACTIVATED"] == 244_231
    attribution = (shipped().parent / "ATTRIBUTION.md").read_text()
    assert "10.2906/134353607485211" in attribution
    assert "CC BY 4.0" in attribution
