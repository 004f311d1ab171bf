"""Exports: every table and view in every form, read back; conditions, formulas, caps, whole files."""

from __future__ import annotations

import asyncio
import csv
import dataclasses
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import main
from livewarden.errors import SetupError
from livewarden.times import HOUR_MS
from sinks.export import sheet as sheet_module
from sinks.export.query import NOT_EXPORTED, Export, exported, kind_of, time_of
from sinks.export.sheet import MOST_CHARACTERS, Sheet
from sinks.export.write import _Ends, form_of
from sinks.store import marts
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address, open_client
from sinks.store.document import Column, Relation, relations
from sinks.store.reader import Reader
from sinks.whole_file import whole_file
from tests.cli.test_response import settle
from tests.clickhouse_fixtures import clickhouse, clickhouse_server, environment_of, fresh_database, server_address
from tests.console_fixtures import HOSTILE, T0, alert_row
from tests.evening_fixtures import fill

__all__ = ["clickhouse", "clickhouse_server"]

FORMS: Final = ("csv", "jsonl", "parquet", "xlsx")
FORMULAS: Final = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "plain", "", 'say "=1"\nand more']
FAR: Final = [2**61, 253_402_300_800_000, 253_402_300_799_999, 1_772_820_000_000_000, 0]
_NAMES: Final = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


@pytest.fixture(scope="module")
def filled() -> Any:
    loop = asyncio.new_event_loop()
    database = fresh_database(server_address("embedded"))

    async def start() -> Address:
        address = await database.__aenter__()
        store = await ClickHouseStore.connect(*dataclasses.astuple(address))
        await fill(store, T0 + HOUR_MS)
        await store.write(
            "alerts", [alert_row(number=50, run="what-if"), alert_row(51, monitor="late", window_start=T0 + HOUR_MS)]
        )
        letters = [
            {"topic": "live.rooms", "partition": 7, "offset": number, "reason": "contract", "detail": text}
            | {"key": "", "headers": "{}", "value": b"\xff" + text.encode(), "recorded_at": T0 + number}
            for number, text in enumerate(FORMULAS)
        ]
        await store.write("dead_letters", letters)
        await store.close()
        return address

    yield loop.run_until_complete(start())
    loop.run_until_complete(database.__aexit__(None, None, None))
    loop.close()


@pytest.fixture
def database(filled: Address, monkeypatch: pytest.MonkeyPatch) -> Address:
    settle(monkeypatch, filled)
    return filled


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["export", *args])
    return code, *capsys.readouterr()


def read(path: Path) -> list[dict[str, Any]]:
    """Rows of an export, as its form has them."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".parquet":
        return list(parquet.read_table(path).to_pylist())
    head, *rows = cells(path)
    return [dict(zip(head, row, strict=True)) for row in rows]


def cells(path: Path) -> list[list[Any]]:
    """Cells of a sheet; one that holds a formula is a mistake."""
    with zipfile.ZipFile(path) as book:
        tree = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    found = []
    width = 0
    for row in tree.iterfind(".//m:row", _NAMES):
        assert row.find(".//m:f", _NAMES) is None
        texts: dict[int, Any] = {}
        for cell in row.iterfind("m:c", _NAMES):
            letters = "".join(filter(str.isalpha, cell.get("r", "")))
            place = 0
            for letter in letters:
                place = place * 26 + ord(letter) - 64
            text, number = cell.find(".//m:t", _NAMES), cell.find("m:v", _NAMES)
            if text is not None:
                texts[place - 1] = text.text
            elif number is not None:
                texts[place - 1] = float(number.text or "nan")
        width = max(width, len(texts) if not found else width)
        found.append([texts.get(each) for each in range(width)])
    return found


@pytest.mark.clickhouse
async def test_every_documented_table_and_view_is_written_in_every_form(filled: Address, tmp_path: Path) -> None:
    from sinks.export.write import export

    async with await Reader.connect(*dataclasses.astuple(filled)) as reader:
        known = await relations(reader)
        names = exported(known)
        assert set(names) == set(known) - NOT_EXPORTED
        for name in names:
            wanted = Export(known[name], run="*")
            (row,) = await reader.select(f"SELECT count() AS n FROM {name}{'' if known[name].view else ' FINAL'}")
            for form in FORMS if name not in marts.sentences() else ("csv",):
                out = tmp_path / f"{name}.{form}"
                written = await export(reader, wanted, out)
                assert (written.rows, written.size) == (row["n"], out.stat().st_size), (name, form)
                rows = read(out)
                assert len(rows) == row["n"], (name, form)
                if rows:
                    assert list(rows[0]) == [each.name for each in known[name].columns], (name, form)
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")], "nothing unfinished is left"


@pytest.mark.clickhouse
async def test_what_is_cut_by_time_has_that_time_and_what_has_none_is_known(filled: Address) -> None:
    async with await Reader.connect(*dataclasses.astuple(filled)) as reader:
        known = await relations(reader)
    without = set()
    for name in exported(known):
        time = time_of(known[name])
        if time is None:
            without.add(name)
        else:
            assert kind_of({each.name: each.type for each in known[name].columns}[time]) == "time", name
    assert without == {"misjudgement_cohorts", "precision_by_monitor"} | marts.sentences().keys()  # days, and sums


@pytest.mark.clickhouse
@pytest.mark.parametrize("form", FORMS)
def test_times_numbers_and_maps_come_as_each_form_has_them(
    form: str, database: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"alerts.{form}"
    columns = "alert_id,window_start,observed,series,ends_at,scan_buckets"
    code, said, err = run(capsys, "alerts", "--where", "alert_id=alert-51", "--columns", columns, "--out", str(out))
    assert (code, err) == (0, "")
    assert said == f"alerts: 1 rows, {out.stat().st_size:,} bytes in {out}\n"
    (row,) = read(out)
    assert list(row) == columns.split(",")
    series = row["series"]
    if form == "csv":
        assert (row["window_start"], row["observed"], row["ends_at"]) == ("2026-03-06T19:00:00.000Z", "30", "")
    elif form == "jsonl":
        assert (row["window_start"], row["observed"], row["ends_at"]) == ("2026-03-06T19:00:00.000Z", 30, None)
    elif form == "parquet":
        assert (row["window_start"].isoformat(), row["observed"]) == ("2026-03-06T19:00:00+00:00", 30.0)
    else:
        assert row["window_start"] == pytest.approx(46087 + 19 / 24)
        assert (row["observed"], row["ends_at"]) == (30.0, None)
    series = json.loads(series) if isinstance(series, str) else dict(series)
    assert series == {"market": "DE", "policy_id": "p7"}


@pytest.mark.clickhouse
@pytest.mark.parametrize("form", FORMS)
def test_a_text_is_never_a_formula(
    form: str, database: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"letters.{form}"
    code, _, err = run(
        capsys, "dead_letters", "--where", "partition=7", "--columns", "offset,detail,value", "--out", str(out)
    )
    assert (code, err) == (0, "")
    rows = read(out)
    texts = [row["detail"] or "" for row in rows]
    assert all((row["value"] or "").startswith("�") for row in rows), "bytes that are no text are marked"
    if form != "csv":
        assert texts == FORMULAS
        return
    assert texts == [f"'{text}" for text in FORMULAS[:6]] + FORMULAS[6:]


@pytest.mark.clickhouse
def test_any_time_that_a_column_holds_is_written(
    clickhouse: Address, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"topic": "live.rooms", "partition": 8, "reason": "contract", "detail": "", "key": "", "headers": "{}"}

    async def fill() -> None:
        store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
        rows = [row | {"offset": n, "value": b"", "recorded_at": at} for n, at in enumerate(FAR)]
        await store.write("dead_letters", rows)
        await store.close()

    asyncio.run(fill())
    settle(monkeypatch, clickhouse)
    for form in FORMS:
        out = tmp_path / f"letters.{form}"
        code, _, err = run(capsys, "dead_letters", "--columns", "offset,recorded_at", "--out", str(out))
        assert (code, err) == (0, "")
        if form == "parquet":
            column = parquet.read_table(out).column("recorded_at")
            assert sorted(column.cast("int64").to_pylist()) == sorted(FAR)
            continue
        found = {int(row["offset"]): str(row["recorded_at"]) for row in read(out)}
        assert len(found) == len(FAR)
        far = [found[n] for n in (0, 1, 3)]
        if form == "xlsx":
            assert [text[:9] for text in far] == ["+73071226", "+10000-01", "+58148-06"]
        else:
            assert far == [str(FAR[n]) for n in (0, 1, 3)], "milliseconds, where there is no date"
        if form != "xlsx":
            assert found[2] == "9999-12-31T23:59:59.999Z"


CHOSEN: Final[dict[str, set[str]]] = {
    "--where monitor=late": {"alert-51"},
    "--where series.market=DE --where monitor=late --where monitor=none": {"alert-51"},
    "--where monitor=late --where severity=info": set(),
    "--run what-if": {"alert-50"},
    "--where run=what-if": {"alert-50"},
    "--run * --where alert_id=alert-50 --where alert_id=alert-51": {"alert-50", "alert-51"},
    "--from 2026-03-06T19:00:00Z --where monitor=late": {"alert-51"},
    "--to 2026-03-06T19:00:00Z --where monitor=late": set(),
    "--where window_start=2026-03-06T19:00:00Z --where monitor=late": {"alert-51"},
    "--where ends_at= --where scan_buckets=15 --where score=8.50 --where monitor=late": {"alert-51"},
    "--limit 1": {"alert-51"},
    "--where monitor='; --": set(),
}


@pytest.mark.clickhouse
@pytest.mark.parametrize("line", CHOSEN)
def test_conditions_choose(line: str, database: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "alerts.jsonl"
    words = [word.replace("'; --", "'; DROP TABLE alerts; --") for word in line.replace("'; --", "';_--").split()]
    code, _, err = run(capsys, "alerts", *words, "--out", str(out))
    assert (code, err) == (0, "")
    assert {row["alert_id"] for row in read(out)} == CHOSEN[line]


WRONG: Final = {
    "nothing --out a.csv": "there is no 'nothing' to export, only alert_explanations, ",
    "state --out a.csv": "there is no 'state' to export",
    "alerts --out a.xls": "'a.xls' ends in none of .csv, .jsonl, .parquet, .xlsx",
    "alerts --out a": "ends in none of",
    "alerts": "Missing option '--out'",
    "alerts --out a.csv --where monitor": "'monitor' is not of the form NAME=VALUE",
    "alerts --out a.csv --where colour=red": "--where: alerts has no column 'colour', only run, ",
    "alerts --out a.csv --where series=DE": "write series.KEY=VALUE",
    "alerts --out a.csv --where monitor.x=DE": "write monitor=VALUE",
    "alerts --out a.csv --where scan_buckets=many": "--where: scan_buckets=many",
    "alerts --out a.csv --where window_start=soon": "--where: window_start=soon",
    "cases_now --out a.csv --where series=x": "which is not compared",
    "alerts --out a.csv --columns a,b": "--columns: alerts has no column 'a'",
    "alerts --out a.csv --columns run,run": "a column is named twice",
    "alerts --out a.csv --from yesterday": "--from: 'yesterday' is no RFC 3339 time",
    "alerts --out a.csv --from 2026-03-09 --to 2026-03-09": "--to must be after --from",
    "precision_by_monitor --out a.csv --from 2026-03-09": "precision_by_monitor has no time to cut by",
    "alerts --out nowhere/a.csv": "there is no such folder",
    "alerts --out there.csv": "there.csv: is there already; --force replaces it",
    "alerts --out .": "ends in none of",
    "alerts --out a.csv --limit 0": "--limit",
}


@pytest.mark.clickhouse
@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    line: str, database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.csv").write_text("kept")
    code, out, err = run(capsys, *line.split())
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert WRONG[line] in err
    assert [each.name for each in tmp_path.iterdir()] == ["there.csv"]
    assert (tmp_path / "there.csv").read_text() == "kept"


@pytest.mark.clickhouse
def test_force_replaces_and_json_tells(database: Address, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "there.csv"
    out.write_text("old")
    code, said, _ = run(capsys, "case_tracker", "--out", str(out), "--force", "--json")
    assert code == 0
    assert json.loads(said) == {
        **{"what": "case_tracker", "file": str(out), "rows": 6, "bytes": out.stat().st_size, "cut": 0}
    }
    assert HOSTILE in {row["title"] for row in read(out)}


@pytest.mark.clickhouse
def test_more_rows_than_a_sheet_holds_are_refused(
    database: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sinks.export.write.MOST_ROWS", 3)
    code, out, err = run(capsys, "alerts", "--out", str(tmp_path / "a.xlsx"))
    assert (code, out) == (2, "")
    assert "are more than a spreadsheet holds (1,048,575): export .csv or .parquet" in err
    assert list(tmp_path.iterdir()) == []
    assert run(capsys, "alerts", "--out", str(tmp_path / "a.xlsx"), "--limit", "3")[0] == 0


def test_a_sheet_stops_at_its_last_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_module, "MOST_ROWS", 2)
    with Sheet(tmp_path / "a.xlsx", ["n"], ["whole"]) as sheet:
        sheet.write([1])
        sheet.write([2])
        with pytest.raises(SetupError, match="than a spreadsheet holds"):
            sheet.write([3])


def test_long_texts_are_cut_and_long_numbers_stay_exact(tmp_path: Path) -> None:
    with Sheet(tmp_path / "a.xlsx", ["text", "number"], ["text", "whole"]) as sheet:
        sheet.write(["x" * MOST_CHARACTERS, 2**53])
        sheet.write(["y" * (MOST_CHARACTERS + 1), 2**63 - 1])
    assert sheet.cut == 1
    _, first, second = cells(tmp_path / "a.xlsx")
    assert first == ["x" * MOST_CHARACTERS, float(2**53)]
    assert second == ["y" * (MOST_CHARACTERS - 1) + "…", str(2**63 - 1)]


@given(st.lists(st.lists(st.text('a",\n', max_size=4), min_size=2, max_size=2), max_size=8), st.integers(1, 5))
def test_rows_are_counted_wherever_blocks_end(rows: list[list[str]], step: int) -> None:
    import io

    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    body, counting = file.getvalue().encode(), _Ends(quoted=True)
    for at in range(0, len(body), step):
        counting.add(body[at : at + step])
    assert counting.ends == len(rows)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    out = tmp_path / "a.csv"

    def broken() -> None:
        with whole_file(out) as path:
            path.write_text("half")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        broken()
    assert list(tmp_path.iterdir()) == []
    with whole_file(out) as path:
        path.write_text("whole")
        assert not out.exists()
    assert out.read_text() == "whole"


def test_a_name_with_another_ending_is_refused() -> None:
    assert [form_of(Path(f"a.{form.upper()}")) for form in FORMS] == list(FORMS)
    with pytest.raises(SetupError):
        form_of(Path("csv"))


def test_values_never_stand_in_the_query() -> None:
    relation = Relation(
        "alerts", False, "", "", (Column("run", "LowCardinality(String)", ""), Column("title", "String", ""))
    )
    sql, values = Export(relation, where={"title": ["'; DROP TABLE alerts; --"]}).statement("csv")
    assert "DROP" not in sql
    assert ["'; DROP TABLE alerts; --"] in values.values()


_MEASURED: Final = (
    "import sys, tracemalloc; from cli import main; tracemalloc.start(); code = main(sys.argv[1:]);"
    " print(tracemalloc.get_traced_memory()[1]); sys.exit(code)"
)


@pytest.mark.clickhouse
@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_memory_does_not_grow_with_the_rows(form: str, tmp_path: Path) -> None:
    async def peak_bytes(limit: int) -> int:
        words = ["export", "events", "--limit", str(limit), "--columns", "event_id,data", "--out"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _MEASURED, *words, str(tmp_path / f"{limit}.{form}")),
            env=os.environ | environment_of(address),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return int(out.split()[-1])

    async with fresh_database(server_address("embedded")) as address:
        client = await open_client(address)
        await client.command(
            "INSERT INTO events (topic, partition, offset, event_id, event_time, data) SELECT 'live.rooms', 0, number,"
            " toString(number), toDateTime64(1772820000, 3, 'UTC'), repeat(toString(cityHash64(number)),"
            " 100) FROM numbers(20000)"
        )
        await client.close()
        few, many = await peak_bytes(500), await peak_bytes(20_000)
    size = (tmp_path / f"20000.{form}").stat().st_size if form == "csv" else 38_000_000
    assert size > 36_000_000
    assert many - few < 20_000_000, (few, many)
