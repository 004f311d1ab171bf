"""Building an evidence package: from rows in ClickHouse to a file that says what they say, and names nobody."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from cli import main
from livewarden.errors import SetupError
from livewarden.times import HOUR_MS, MINUTE_MS
from sinks.evidence import gather
from sinks.evidence.build import Built, build
from sinks.evidence.redact import Pseudonyms
from sinks.evidence.verify import verify
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import HOSTILE, MONITOR, T0, alert_row, case_row, change_row, event_row, judgement_row

__all__ = ["clickhouse", "clickhouse_server"]
pytestmark = pytest.mark.clickhouse

SALT: Final = b"salt"
SHOP: Final = "shop-4711"
ROOM: Final = "room-1234"
"""It occurs in the data of one event alone, and in what was notified."""
HIDDEN: Final = Pseudonyms(SALT).of(SHOP)
NOW: Final = T0 + 24 * HOUR_MS
EXPLANATION: Final = {
    "text": f"Carried by shop_id={SHOP}, which alone did it.",
    "verdict": {"verdict": "POLICY", "strength": "STRONG", "for": [f"{SHOP} broke p7."], "against": []},
    "slices": {"causes": [{"slice": {"shop_id": SHOP}, "share": 0.8, "risk_ratio": 9.0}], "alternatives": []},
    "onset": "2026-03-06T17:46:00Z",
}


@pytest.fixture
async def store(clickhouse: Address) -> AsyncIterator[ClickHouseStore]:
    opened = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    yield opened
    await opened.close()


@pytest.fixture
async def reader(clickhouse: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as opened:
        yield opened


def data(number: int, **changes: Any) -> str:
    usual = {"action_id": f"a{number}", "market": "DE", "policy_id": "p7", "reviewer_type": "HUMAN", "shop_id": SHOP}
    return json.dumps(usual | changes)


async def fill(store: ClickHouseStore) -> None:
    """A case of two alerts, as people worked on it."""
    case = {"case_id": "case-1"}
    one = alert_row(1, **case, explanation=json.dumps(EXPLANATION))
    two = alert_row(2, **case, severity="warning", status="resolved", ends_at=T0 + HOUR_MS, version=2, scan_buckets=1)
    await store.write("alerts", [one, two, alert_row(3, case_id="another")])
    await store.write("case_candidates", [case_row(1, [one, two], title=f"Measures · {SHOP}: 257, expected 60")])
    await store.write("events", [event_row(n, data=data(n), key=SHOP) for n in range(3)])
    early = event_row(3, event_time=T0 - 5 * MINUTE_MS, data=data(3, refs=[SHOP, "x", ROOM], subject_id=None), key="DE")
    await store.write("events", [early, event_row(4, data=data(4, policy_id="p8")), event_row(5, data=data(5), late=1)])
    await store.write("events", [change_row(50, T0 - 20 * MINUTE_MS, target=HOSTILE), change_row(51, T0 + 9 * HOUR_MS)])
    await store.write("judgements", [judgement_row(minute) for minute in range(-60, 20)])
    await store.write("cases", [worked_on()])
    step = {"case_id": "case-1", "at": T0 + 2 * HOUR_MS, "who": "kim", "from_state": "candidate", "to_state": "open"}
    step |= {"why": f"asked {SHOP}.", "details": "{}", "action_id": "act-1", "number": 1, "what": "moved"}
    await store.write("case_history", [step])
    await store.write("incidents", [incident()])
    notified = {
        "notification_id": "n1",
        "version": 2,
        "incident_id": "incident-1",
        "number": 1,
        "cause": "new",
        "route": "all",
    }
    notified |= {
        "channel": "chat",
        "state": "sent",
        "attempts": 1,
        "error": "",
        "title": "Measures",
        "body": f"{SHOP} in {ROOM}",
    }
    notified |= {"created_at": T0 + HOUR_MS, "due_at": T0 + HOUR_MS, "sent_at": T0 + HOUR_MS}
    await store.write("notifications", [notified])


def worked_on() -> dict[str, Any]:
    row: dict[str, Any] = {"case_id": "case-1", "version": 7, "title": f"Shop {SHOP}", "state": "open", "kind": "MIXED"}
    row |= {"severity": "critical", "owner": "kim", "escalated_to": None, "due_at": NOW, "overdue": 0, "resolution": ""}
    row |= {"reason": "", "merged_into": None, "reopened": 0, "alert_ids": ["alert-1", "alert-2"], "firing_count": 1}
    row |= {"monitors": ["measures"], "open_tasks": 1, "tasks": json.dumps([{"id": "t", "text": f"call {SHOP}"}])}
    row |= {"links": "[]", "evidence": "[]", "started_at": T0, "ended_at": None, "created_at": T0, "opened_at": T0}
    return row | {"resolved_at": None, "closed_at": None}


def incident() -> dict[str, Any]:
    row: dict[str, Any] = {"incident_id": "incident-1", "version": 3, "status": "acknowledged", "title": "Measures"}
    row |= {"severity": "critical", "lead_alert_id": "alert-1", "alert_count": 2, "firing_count": 1, "notified": 1}
    row |= {"monitors": ["measures"], "case_ids": ["case-1"], "change_id": None, "owner": "team", "started_at": T0}
    row |= {
        "ended_at": None,
        "opened_at": T0 + HOUR_MS,
        "notified_at": T0 + HOUR_MS,
        "acknowledged_by": "kim",
        "note": "",
    }
    return row | {"acknowledged_at": T0 + HOUR_MS + 1, "resolved_at": None, "resolved_by": None}


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def table(found: Mapping[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(found[name].decode())))


async def built(reader: Reader, tmp_path: Path, salt: bytes | None = SALT) -> tuple[Built, dict[str, bytes]]:
    done = await build(reader, "case-1", tmp_path / "one.zip", now_ms=NOW, salt=salt, monitors={"measures": MONITOR})
    assert verify(done.path, done.digest).problems == ()
    return done, contents(done.path)


async def test_a_package_says_what_the_tables_say(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    await fill(store)
    done, found = await built(reader, tmp_path, salt=None)
    assert list(found) == [
        "manifest.json",
        "manifest.sha256",
        "README.txt",
        "alerts.json",
        "case.json",
        "changes.csv",
        "charts/01-measures.svg",
        "events.csv",
        "events.parquet",
        "explanation.md",
        "monitors.json",
        "queries.sql",
        "response.json",
        "series.csv",
        "series.parquet",
        "timeline.csv",
    ]
    case = json.loads(found["case.json"])
    assert case["case"]["owner"] == "kim"
    assert case["candidate"]["evidence"]["monitors"]["measures"]["event"] == "enforcement.action"
    assert [step["why"] for step in case["history"]] == [f"asked {SHOP}."]
    alerts = json.loads(found["alerts.json"])
    assert [(each["alert_id"], each["version"], each["window_start"]) for each in alerts] == [
        ("alert-1", 1, "2026-03-06T18:00:00Z"),
        ("alert-2", 2, "2026-03-06T18:00:00Z"),
    ]
    assert alerts[0]["explanation"] == EXPLANATION
    assert alerts[0]["counted"] == {"events": 4, "happenings": 8, "in_this_package": 4}
    events = [(each["alert_id"], each["event_id"]) for each in table(found, "events.csv")]
    both = [(alert, f"event-{n}") for alert in ("alert-1", "alert-2") for n in range(3)]
    assert events == sorted([("alert-1", "event-3"), *both], key=lambda each: (each[0], each[1] != "event-3", each[1]))
    assert len(table(found, "series.csv")) == 80
    assert [each["change_id"] for each in table(found, "changes.csv")] == ["change-50"]
    assert {row["channel"] for row in json.loads(found["response.json"])["notifications"]} == {"chat"}
    assert (done.manifest.case_version, done.manifest.run, done.manifest.redacted) == (7, "live", ())
    (source,) = done.manifest.sources
    assert source.model_dump() == {
        "topic": "live.enforcement",
        "partition": 0,
        "from_offset": 0,
        "to_offset": 4,
        "events": 4,
    }
    assert done.manifest.monitors == {"measures": ("c0ffee",)}


async def test_the_timeline_is_in_one_order(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    await fill(store)
    _, found = await built(reader, tmp_path)
    lines = table(found, "timeline.csv")
    assert [line["what"] for line in lines] == [
        "change",
        "alert",
        "alert",
        "alert_over",
        "incident",
        "notified",
        "acknowledged",
        "case_moved",
    ]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert (lines[-1]["who"], lines[-1]["text"]) == ("kim", f"candidate → open: asked {HIDDEN}.")


async def test_the_queries_give_what_the_files_hold(
    store: ClickHouseStore, reader: Reader, clickhouse: Address, tmp_path: Path
) -> None:
    await fill(store)
    done, found = await built(reader, tmp_path, salt=None)
    for file in done.manifest.files:
        if file.sql is None or not file.path.endswith(".csv"):
            continue
        names, rows = await reader.query(file.sql)
        listed = table(found, file.path)
        assert len(rows) == len(listed) == file.rows
        assert names == list(listed[0])
        assert file.sql in found["queries.sql"].decode()


async def test_parquet_holds_what_csv_holds(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    await fill(store)
    for salt in (None, SALT):
        done = await build(reader, "case-1", tmp_path / f"{salt!r}.zip", now_ms=NOW, salt=salt)
        found = contents(done.path)
        for name in ("events", "series"):
            columns = parquet.read_table(io.BytesIO(found[f"{name}.parquet"])).to_pydict()
            rows = table(found, f"{name}.csv")
            assert list(columns) == list(rows[0])
            assert all(len(values) == len(rows) for values in columns.values())
        events = parquet.read_table(io.BytesIO(found["events.parquet"])).to_pydict()
        given = [value.decode() if isinstance(value, bytes) else value for value in events["data"]]
        assert given == [row["data"] for row in table(found, "events.csv")]


async def test_no_id_is_left_in_a_redacted_package(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    await fill(store)
    done, found = await built(reader, tmp_path)
    assert [name for name, text in found.items() if SHOP.encode() in text or ROOM.encode() in text] == []
    assert all(json.loads(row["data"])["shop_id"] == HIDDEN for row in table(found, "events.csv"))
    (early,) = {row["data"] for row in table(found, "events.csv") if row["event_id"] == "event-3"}
    assert json.loads(early) == json.loads(
        data(3, shop_id=HIDDEN, refs=[HIDDEN, Pseudonyms(SALT).of("x"), Pseudonyms(SALT).of(ROOM)], subject_id=None)
    )
    assert {row["key"] for row in table(found, "events.csv")} == {HIDDEN, Pseudonyms(SALT).of("DE")}
    alert = json.loads(found["alerts.json"])[0]
    assert alert["explanation"]["slices"]["causes"][0]["slice"] == {"shop_id": HIDDEN}
    assert alert["explanation"]["text"] == f"Carried by shop_id={HIDDEN}, which alone did it."
    assert alert["series"] == {"market": "DE", "policy_id": "p7"}
    assert any("pseudonym" in line for line in done.manifest.redacted)
    assert SALT.hex().encode() not in b"".join(found.values())


async def test_a_series_by_shop_is_redacted_too(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    series = {"shop_id": SHOP, "market": "DE"}
    alert = alert_row(1, case_id="case-1", series=series)
    await store.write("alerts", [alert])
    await store.write("case_candidates", [case_row(1, [alert], series=[series])])
    await store.write("events", [event_row(n, data=data(n), key=SHOP) for n in range(2)])
    await store.write("judgements", [judgement_row(minute, series=series) for minute in range(-3, 3)])
    _, found = await built(reader, tmp_path)
    assert [name for name, text in found.items() if SHOP.encode() in text] == []
    assert {row["series"] for row in table(found, "series.csv")} <= {
        f"{{'shop_id':'{HIDDEN}','market':'DE'}}",
        f"{{'market':'DE','shop_id':'{HIDDEN}'}}",
    }
    assert len(table(found, "events.csv")) == 2
    assert HIDDEN in found["queries.sql"].decode()
    assert HIDDEN.encode() in found["charts/01-measures.svg"]


async def test_the_pseudonyms_of_clickhouse_are_those_of_python(reader: Reader) -> None:
    for salt in (b"s", b"\x00\xff" * 16, b"x" * 64, b"long" * 40):
        names = Pseudonyms(salt)
        for value in ("shop-1", "it's", "\\", "é€😀", "a\tb\nc", 'q"q', ""):
            text = json.dumps({"shop_id": value, "n": 1, "refs": [value], "in": {"shop_id": value}})
            literal = text.replace("\\", "\\\\").replace("'", "\\'")
            plain = value.replace("\\", "\\\\").replace("'", "\\'")
            sql = f"SELECT '{plain}' AS key, '{literal}' AS data, map('a.shop_id', '{plain}', 'n', 'v') AS series"
            asked, values = names.query(sql, {"key": "id", "data": "data", "series": "series"}, "ORDER BY key")
            (row,) = await reader.select(asked, values)
            assert row["key"] == names.of(value)
            assert row["series"] == {"a.shop_id": names.of(value), "n": "v"}
            wanted = {"shop_id": names.of(value), "n": 1, "refs": [names.of(value)], "in": {"shop_id": value}}
            assert json.loads(row["data"]) == wanted


async def test_any_text_is_text(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    """Ids, series and titles with quotes, placeholders, markup and what no XML may hold."""
    anomalous = HOSTILE + " {id:String} %(x)s \\ \x00 'é😀"
    series = {"market": anomalous, "policy_id": "p7"}
    alert = alert_row(1, alert_id=anomalous, case_id=anomalous, series=series, monitor="measures")
    await store.write("alerts", [alert])
    await store.write("case_candidates", [case_row(1, [alert], case_id=anomalous, title=anomalous, series=[series])])
    await store.write("events", [event_row(1, data=data(1, market=anomalous)), event_row(2, data=data(2))])
    await store.write("judgements", [judgement_row(minute, series=series) for minute in range(-3, 3)])
    done = await build(reader, anomalous, tmp_path / "odd.zip", now_ms=NOW, salt=SALT)
    assert verify(done.path).problems == ()
    found = contents(done.path)
    assert [row["event_id"] for row in table(found, "events.csv")] == ["event-1"]
    assert len(table(found, "series.csv")) == 6
    tree = ElementTree.fromstring(found["charts/01-measures.svg"])
    assert {each.tag.rpartition("}")[2] for each in tree.iter()} <= {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "text",
        "g",
        "path",
    }
    assert "<script" not in found["explanation.md"].decode().replace("\\<", "")


async def test_what_is_cut_is_said(
    store: ClickHouseStore, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "MOST_EVENTS", 2)
    await fill(store)
    done, found = await built(reader, tmp_path)
    assert len(table(found, "events.csv")) == 4
    assert "Of the 4 events of alert alert-1, the first 2 are in it." in done.manifest.limits
    assert "Of the 3 events of alert alert-2, the first 2 are in it." in done.manifest.limits
    assert b"the first 2 are in it" in found["README.txt"]


async def test_a_case_without_events_and_buckets(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    """The configuration is not known and nothing was judged: the package says so,
    and the chart is that of the candidate.
    """
    alert = alert_row(1, case_id="case-1", config_hash="other")
    evidence = json.loads(case_row(1)["evidence"]) | {"monitors": {}}
    await store.write("alerts", [alert])
    await store.write("case_candidates", [case_row(1, [alert], evidence=json.dumps(evidence))])
    done, found = await built(reader, tmp_path)
    assert "events.csv" not in found
    assert table(found, "series.csv") == []
    assert "charts/01-measures.svg" in found
    assert "There are no events in it." in done.manifest.limits


async def test_a_case_opened_by_hand(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    await store.write("cases", [worked_on() | {"alert_ids": [], "monitors": [], "kind": "MANUAL"}])
    done, found = await built(reader, tmp_path)
    case = json.loads(found["case.json"])
    assert (case["candidate"], case["case"]["kind"], done.manifest.case_version) == (None, "MANUAL", 7)
    assert json.loads(found["alerts.json"]) == []


async def test_a_replay_has_no_answers(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    await fill(store)
    alert = alert_row(1, run="again", case_id="case-1")
    await store.write("alerts", [alert])
    await store.write("case_candidates", [case_row(1, [alert], run="again")])
    done = await build(reader, "case-1", tmp_path / "again.zip", now_ms=NOW, run="again", salt=SALT)
    found = contents(done.path)
    assert done.manifest.run == "again"
    assert json.loads(found["case.json"])["case"] is None
    assert not any(json.loads(found["response.json"]).values())


async def test_of_what_did_not_come_there_is_no_series(store: ClickHouseStore, reader: Reader, tmp_path: Path) -> None:
    silent = alert_row(1, case_id="case-1", direction="MISSING", observed=None, expected=None, kind="SOURCE_SILENT")
    await store.write("alerts", [silent])
    await store.write("case_candidates", [case_row(1, [silent])])
    done, found = await built(reader, tmp_path)
    assert not any(name.startswith(("charts/", "series")) for name in found)
    assert done.manifest.limits == ("There is no series in it: no bucket was judged.",)
    assert "nothing came" in found["explanation.md"].decode()


async def test_who_may_only_read_can_build(store: ClickHouseStore, clickhouse: Address, tmp_path: Path) -> None:
    """The embedded ClickHouse judges what its readers ask, and must find nothing here."""
    if clickhouse.user != "livewarden":
        pytest.skip("a server has readers of its own")
    await fill(store)
    async with await Reader.connect(clickhouse.url, database=clickhouse.database) as anybody:
        _, found = await built(anybody, tmp_path)
    assert len(table(found, "events.csv")) == 7


async def test_a_result_that_fails_half_way_is_no_result(reader: Reader) -> None:
    for kind in ("CSV", "CSVWithNames", "Parquet"):
        with pytest.raises(SetupError, match="FUNCTION_THROW_IF"):
            async for _ in reader.stream("SELECT throwIf(number = 299999) FROM numbers(300000)", kind):
                pass
    blocks = [block async for block in reader.stream("SELECT number FROM numbers(300000)", "CSVWithNames")]
    assert b"".join(blocks).count(b"\n") == 300_001


async def test_a_file_is_there_whole_or_not_at_all(
    store: ClickHouseStore, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store)
    out = tmp_path / "one.zip"
    out.write_bytes(b"mine")
    with pytest.raises(SetupError, match="--force replaces it"):
        await build(reader, "case-1", out, now_ms=NOW, salt=SALT)
    assert out.read_bytes() == b"mine"
    with pytest.raises(SetupError, match="there is no case 'case-9'"):
        await build(reader, "case-9", out, now_ms=NOW, salt=SALT, force=True)
    with pytest.raises(SetupError, match="is a folder"):
        await build(reader, "case-1", tmp_path, now_ms=NOW, salt=SALT)
    with pytest.raises(SetupError, match="there is no such folder"):
        await build(reader, "case-1", tmp_path / "none" / "one.zip", now_ms=NOW, salt=SALT)
    monkeypatch.setattr("sinks.evidence.package.MOST_FILES", 3)
    with pytest.raises(SetupError, match="more than"):
        await build(reader, "case-1", out, now_ms=NOW, salt=SALT, force=True)
    assert names_in(tmp_path) == ["one.zip"]
    assert out.read_bytes() == b"mine"
    monkeypatch.undo()
    await build(reader, "case-1", out, now_ms=NOW, salt=SALT, force=True)
    assert verify(out).intact


async def test_from_the_command_line(
    store: ClickHouseStore,
    clickhouse: Address,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await fill(store)
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_URL", clickhouse.url)
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_USER", clickhouse.user)
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_PASSWORD", clickhouse.password)
    monkeypatch.setenv("LIVEWARDEN_CLICKHOUSE_DATABASE", clickhouse.database)
    monkeypatch.chdir(tmp_path)

    async def livewarden(*args: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, list(args))
        return (code, *capsys.readouterr())

    code, out, err = await livewarden("evidence", "build", "case-1", "--json")
    assert (code, err) == (0, "")
    notified = json.loads(out)
    assert notified["file"] == "case-1.evidence.zip"
    assert (await livewarden("evidence", "verify", "case-1.evidence.zip", "--digest", notified["digest"]))[0] == 0
    assert (await livewarden("evidence", "build", "case-1"))[0] == 2
    code, out, _ = await livewarden("evidence", "build", "case-1", "--force", "--with-identifiers")
    assert code == 0
    assert SHOP.encode() in contents(tmp_path / "case-1.evidence.zip")["events.csv"]
    for unknown in ("case-9", "\udcff", ""):
        code, out, err = await livewarden("evidence", "build", unknown, "--out", "none.zip")
        assert (code, out, len(err.splitlines())) == (2, "", 1)
