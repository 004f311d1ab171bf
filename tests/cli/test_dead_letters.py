"""Dead letters at a terminal: looked at, mended, sent again, and what they became."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from cli import main
from livewarden.errors import SetupError
from sinks.queries import dead_letters as view
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from sources.codec import Record
from streams.kafka_access import Access
from streams.requeue import FROM_HEADER, Place, judge, lost, place_of, record_of, sender
from tests.cli.test_live import Terminal
from tests.cli.test_response import settle
from tests.clickhouse_fixtures import clickhouse, clickhouse_server, fresh_database, server_address
from tests.kafka_fixtures import Broker, embedded_broker
from tests.live import deployed, processes, until

__all__ = ["clickhouse", "clickhouse_server", "embedded_broker"]

HEADERS: Final = {
    "ce_specversion": "1.0",
    "ce_id": "e1",
    "ce_source": "/test",
    "ce_type": "eu.liveshop.room.lifecycle.v1",
    "ce_time": "2026-03-06T18:00:00Z",
    "content-type": "application/json",
}
GOOD: Final = b'{"room_id":"r1","state":"STARTED"}'
AT: Final = 1_772_820_000_000


def letter(offset: int = 9, **changes: Any) -> dict[str, Any]:
    """A room without an id."""
    row = {"topic": "live.rooms", "partition": 0, "offset": offset, "reason": "contract", "key": "r1"}
    row |= {"detail": "room_id: Field required", "headers": json.dumps(HEADERS | {"ce_id": f"e{offset}"})}
    return row | {"value": b'{"state":"STARTED"}', "recorded_at": AT + offset * 1000} | changes


def read(row: dict[str, Any]) -> view.WholeDeadLetter:
    """A row as it is read back."""
    return view.WholeDeadLetter(**row, size=len(row["value"]))


LETTERS: Final = [
    letter(1),
    letter(2, value=GOOD, reason="unknown_type", detail="no contract is named eu.liveshop.room.lifecycle.v1"),
    letter(3, value=b"\x00\xff\x1b[31m", reason="broken_json", detail="unexpected character"),
    letter(4, topic="livewarden.response", reason="broken_json", detail="x", headers="{}"),
    letter(5, value=GOOD, headers=json.dumps(HEADERS | {"ce_id": "e\ufffd"}), reason="not_cloudevent"),
    letter(6, value=b"", reason="null_value", detail="the record has no value"),
    letter(7, headers=json.dumps(HEADERS | {"ce_id": "e7", FROM_HEADER: "live.rooms/0/1"})),
]


FAR: Final = [2**61, 253_402_300_800_000, 253_402_300_799_999, 1_772_820_000_000_000]


@pytest.fixture(scope="module")
def filled() -> Any:
    loop = asyncio.new_event_loop()
    database = fresh_database(server_address("embedded"))

    async def start() -> Address:
        address = await database.__aenter__()
        store = await ClickHouseStore.connect(*dataclasses.astuple(address))
        await store.write("dead_letters", LETTERS)
        await store.close()
        return address

    yield loop.run_until_complete(start())
    loop.run_until_complete(database.__aexit__(None, None, None))
    loop.close()


@pytest.fixture
def letters(filled: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, filled)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["dead-letters", *args])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    "text", ["", "live.rooms", "live.rooms/0", "live.rooms/0/x", "live.rooms/-1/2", "/0/1", "a/٣/1"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="is no place such as"):
        place_of(text)


def test_a_record_comes_back_as_it_was_or_mended() -> None:
    record = record_of(read(letter()))
    assert record == Record(
        "live.rooms",
        0,
        9,
        b"r1",
        b'{"state":"STARTED"}',
        tuple((n, v.encode()) for n, v in (HEADERS | {"ce_id": "e9"}).items()),
    )
    assert judge(record).reason == "contract"
    mended = judge(record_of(read(letter()), value=GOOD))
    assert mended.event is not None
    assert mended.event.id == "e9"
    moved = record_of(read(letter()), value=GOOD, headers={"ce_time": "", "ce_id": "other"})
    assert dict(moved.headers)["ce_id"] == b"other"
    assert judge(moved).reason == "bad_time", "a header without a value is left out"
    assert judge(record_of(read(LETTERS[5]))).reason == "null_value"


def test_what_was_no_text_is_not_sent_for_what_it_was() -> None:
    assert lost(record_of(read(LETTERS[4]))) == ["header ce_id"]
    assert judge(record_of(read(LETTERS[4]))).reason == "not_kept"
    assert judge(record_of(read(LETTERS[4]), headers={"ce_id": "e5"})).event is not None


@pytest.mark.clickhouse
def test_the_list_counts_by_reason_and_shows_the_newest_first(
    letters: None, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "list", "--topic", "live.rooms", "--limit", "2")
    assert (code, err) == (0, "")
    assert "live.rooms  contract              2" in out
    assert out.index("live.rooms/0/7") < out.index("live.rooms/0/6")
    assert "live.rooms/0/5" not in out
    assert "livewarden.response" not in out
    found = json.loads(run(capsys, "list", "--reason", "broken_json", "--json")[1])
    assert [each["place"] for each in found["dead_letters"]] == ["livewarden.response/0/4", "live.rooms/0/3"]
    assert sum(each["records"] for each in found["reasons"]) == 2
    assert run(capsys, "list", "--reason", "none")[1] == "no dead letter\n"


@pytest.mark.clickhouse
def test_one_of_any_time_is_listed_and_shown(
    clickhouse: Address, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fill() -> None:
        store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
        await store.write("dead_letters", [letter(n, recorded_at=at) for n, at in enumerate(FAR)])
        await store.close()

    asyncio.run(fill())
    settle(monkeypatch, clickhouse)
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    for offset, at in enumerate(("+73071226-", "+10000-01-01", "9999-12-31", "+58148-06-06")):
        assert at in out
        assert at in run(capsys, "show", f"live.rooms/0/{offset}")[1]
        assert at in run(capsys, "show", f"live.rooms/0/{offset}", "--json")[1]


@pytest.mark.clickhouse
def test_one_is_shown_with_its_bytes_and_what_the_contract_says_now(
    letters: None, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "show", "live.rooms/0/3")
    assert (code, err) == (0, "")
    assert "\x1b" not in out, "no terminal is steered by what came"
    assert "\\x00\\xff\\x1b[31m" in out
    assert "00 ff 1b 5b" in out
    assert "now     broken_json" in out
    assert "now     valid: eu.liveshop.room.lifecycle.v1" in run(capsys, "show", "live.rooms/0/2")[1]
    assert "set aside again at live.rooms/0/7: contract" in run(capsys, "show", "live.rooms/0/1")[1]
    found = json.loads(run(capsys, "show", "live.rooms/0/7", "--json")[1])
    assert found["since"] == ["was live.rooms/0/1 before"]
    assert found["now"]["valid"] is False
    assert bytes.fromhex(found["value_hex"]) == LETTERS[6]["value"]


REFUSED: Final = {
    "live.rooms/0/1": (1, "live.rooms/0/1 is not sent again: contract: room_id: Field required"),
    "livewarden.response/0/4": (1, "livewarden's own log"),
    "livewarden.response/0/4 --force": (1, "livewarden's own log"),
    "live.rooms/0/5": (1, "header ce_id was no UTF-8 and is not kept"),
    "live.rooms/0/6": (1, "null_value"),
    "live.rooms/0/2 --header ce_id=": (1, "id is missing"),
    "live.rooms/0/99": (2, "there is no dead letter at live.rooms/0/99"),
    "live.rooms": (2, "is no place"),
    "": (2, "say which record"),
    "--all": (2, "--all takes --reason or --topic"),
    "live.rooms/0/1 --all --reason contract": (2, "--all takes"),
    "--all --reason contract": (1, "0 of 2 dead letters would be taken now; the others stay: 2 contract"),
    "--all --reason unknown_type": (2, "--yes sends them without a question"),
    "live.rooms/0/1 --header x": (2, "is not of the form NAME=VALUE"),
    "live.rooms/0/1 --value missing.json": (2, "missing.json: No such file"),
}


@pytest.mark.clickhouse
@pytest.mark.parametrize("line", REFUSED)
def test_what_would_not_be_taken_is_not_sent(
    line: str, letters: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEWARDEN_KAFKA", "nowhere.invalid:1")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = run(capsys, "requeue", *line.split())
    expected, words = REFUSED[line]
    assert (code, out, err.count("\n")) == (expected, "", 1), err
    assert words in err


class Asked(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.clickhouse
def test_before_many_are_sent_somebody_is_asked(
    letters: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEWARDEN_KAFKA", "nowhere.invalid:1")
    monkeypatch.setattr("sys.stdin", Asked("n\n"))
    code, out, err = run(capsys, "requeue", "--all", "--topic", "live.rooms")
    assert (code, out.strip()) == (130, "")
    assert err.startswith("1 of 6 dead letters would be taken now; the others stay: 2 contract, ")
    assert "Send 1 again? [y/N]" in err


@pytest.mark.clickhouse
async def test_pages_go_through_all_of_them_once(filled: Address) -> None:
    async with await Reader.connect(*dataclasses.astuple(filled)) as reader:
        at, seen = Place("", 0, 0), []
        while page := await view.after(reader, at, limit=2):
            seen += [Place(row.topic, row.partition, row.offset) for row in page]
            at = seen[-1]
    assert seen == sorted(Place(row["topic"], row["partition"], row["offset"]) for row in LETTERS)


@pytest.mark.kafka
async def test_a_record_is_sent_to_its_partition_with_key_headers_and_where_it_was(embedded_broker: Broker) -> None:
    prefix = embedded_broker.unique("eu") + "-"
    await embedded_broker.create_topics({f"{prefix}live.rooms": 3})
    async with sender(Access(embedded_broker.bootstrap), prefix) as send:
        record = record_of(read(letter(partition=2, headers=json.dumps(HEADERS | {FROM_HEADER: "old/0/0"}))))
        assert [await send(record), await send(record)] == [Place("live.rooms", 2, 0), Place("live.rooms", 2, 1)]
        with pytest.raises(SetupError, match="has no partition 7 any more"):
            await send(record_of(read(letter(partition=7))))
    consumer = AIOKafkaConsumer(
        f"{prefix}live.rooms", bootstrap_servers=embedded_broker.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        got = await consumer.getone()
    finally:
        await consumer.stop()
    assert (got.key, got.value) == (b"r1", b'{"state":"STARTED"}')
    assert dict(got.headers) == {n: v.encode() for n, v in HEADERS.items()} | {FROM_HEADER: b"live.rooms/2/9"}


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.timeout(240)
async def test_a_dead_letter_is_mended_sent_again_and_counted(
    embedded_broker: Broker, clickhouse: Address, tmp_path: Path
) -> None:
    settings = await deployed(embedded_broker)
    terminal = Terminal(settings, clickhouse)
    bad = [(f"e{n}".encode(), b'{"state":"STARTED"}') for n in range(3)]
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    await producer.start()
    for event_id, value in bad:
        headers = [(name, text.encode()) for name, text in (HEADERS | {"ce_id": event_id.decode()}).items()]
        await producer.send_and_wait(f"{settings.topic_prefix}live.rooms", value, b"r1", 0, headers=headers)
    await producer.stop()
    async with (
        await Reader.connect(*dataclasses.astuple(clickhouse)) as reader,
        processes(settings, clickhouse, tmp_path) as (worker,),
    ):

        async def dead(count: int) -> bool:
            return (await reader.counts())["dead_letters"] == count

        await until(lambda: dead(3), worker)
        places = [each["place"] for each in (await terminal.json("dead-letters", "list"))["dead_letters"]]
        assert places == ["live.rooms/0/2", "live.rooms/0/1", "live.rooms/0/0"]

        mended = tmp_path / "mended.json"
        mended.write_bytes(GOOD)
        code, out, err = await terminal.run("dead-letters", "requeue", "live.rooms/0/0", "--value", str(mended))
        assert (code, out, err) == (0, "live.rooms/0/0 sent again: live.rooms/0/3\n", "")
        code, _, _ = await terminal.run("dead-letters", "requeue", "live.rooms/0/1", "--force")
        assert code == 0

        async def notified() -> bool:
            counts = await reader.counts()
            return (counts["events"], counts["dead_letters"]) == (1, 4)

        await until(notified, worker)
        rows = await reader.rows("events")
        assert [(row["event_id"], row["topic"], row["offset"]) for row in rows] == [("e0", "live.rooms", 3)]
        since = (await terminal.json("dead-letters", "show", "live.rooms/0/0"))["since"]
        assert since == ["an event with its id stands at live.rooms/0/3"]
        since = (await terminal.json("dead-letters", "show", "live.rooms/0/1"))["since"]
        assert since == ["set aside again at live.rooms/0/4: contract"]

        code, out, err = await terminal.run("dead-letters", "requeue", "live.rooms/0/0", "--value", str(mended))
        assert (code, out) == (1, "")
        assert "live.rooms/0/3 has its event already" in err

        store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
        await store.write(
            "dead_letters", [letter(100, value=GOOD, reason="unknown_type"), letter(101, reason="unknown_type")]
        )
        await store.close()
        every = ["dead-letters", "requeue", "--all", "--reason", "unknown_type", "--yes"]
        code, out, err = await terminal.run(*every)
        assert (code, out, err) == (0, "1 sent again; the others stay: 1 contract\n", "")

        async def counted() -> bool:
            return (await reader.counts())["events"] == 2

        await until(counted, worker)
        code, out, err = await terminal.run(*every)
        assert (code, out) == (1, "")
        assert "0 of 2 dead letters would be taken now; the others stay:" in err
        assert "1 there already" in err
