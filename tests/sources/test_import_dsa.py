from __future__ import annotations

import csv
import io
import random
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import main
from livewarden.contracts import EnforcementAction, SourceHeartbeat
from livewarden.errors import InvalidEvent, SetupError
from livewarden.event import Event
from livewarden.times import DAY_MS, format_ms, parse_ms, to_ms
from sources.importers.dsa import import_dump
from sources.importers.dsa_actions import FAMILIES, families_of, points_of
from sources.importers.dsa_daily import import_daily
from sources.importers.dsa_files import FULL_COLUMNS, rows_of
from sources.recording import DeadLine, read, write
from sources.recordings import shipped

DATA = Path(__file__).parents[3] / "shared" / "data"
MIDNIGHT_MS = parse_ms("2024-03-14T00:00:00Z")
FAMILY_HEADER = "date,live_demoted,shop_closed_permanent,tiktok_total_statements,tiktok_reported"


def real(name: str) -> Path:
    if not (DATA / name).is_file():
        pytest.skip(f"needs the real data file {name}, which is not part of this repository")
    return DATA / name


def daily_csv() -> Path:
    return real("dsa_tiktok_action_families_daily_to_2025-06-30.csv")


def sample() -> Path:
    return real("dsa_sor_rows_2024-03-14_sample.csv")


def sample_rows() -> list[dict[str, str]]:
    with sample().open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def as_csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def light(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name not in FULL_COLUMNS} for row in rows]


def v2(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [
        {
            **{name: value for name, value in row.items() if name != "created_at"},
            "content_id_ean": "4006381333931" if "CONTENT_TYPE_PRODUCT" in row["content_type"] else "",
            "category": row["category"].replace("SCOPE_OF_PLATFORM_SERVICE", "OTHER_VIOLATION_TC"),
            "created_at": row["created_at"],
        }
        for row in rows
    ]


def test_an_archive_that_unpacks_to_much_more_than_it_is_is_not_unpacked(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("part.zip", "w") as inner:
        for _ in range(65):
            inner.write(bytes(2**20))
    (tmp_path / "day.zip").write_bytes(bomb.getvalue())
    with pytest.raises(SetupError, match=r"day.zip/part.zip: unpacks to 65 MiB out of next to nothing"):
        list(rows_of(tmp_path / "day.zip"))


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def actions(events: list[Event]) -> list[EnforcementAction]:
    return [event.data for event in events if isinstance(event.data, EnforcementAction)]


def beats(events: list[Event]) -> list[SourceHeartbeat]:
    return [event.data for event in events if isinstance(event.data, SourceHeartbeat)]


def without_sor(events: list[Event]) -> list[tuple[str, dict[str, object]]]:
    return [(event.id, event.data.model_dump(exclude={"sor", "market"})) for event in events]


# --- daily counts ----------------------------------------------------------------------------------------------------


def test_daily_sums_and_days_equal_the_file() -> None:
    events = list(import_daily(daily_csv()))
    sums: Counter[str] = Counter()
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for event in events:
        if isinstance(event.data, EnforcementAction):
            assert event.data.restriction is not None
            assert event.time_ms % DAY_MS == 0
            sums[event.data.restriction] += event.data.weight
            days[format_ms(event.time_ms)[:10]][event.data.restriction] += event.data.weight
    expected: Counter[str] = Counter()
    reported = []
    with daily_csv().open(newline="") as stream:
        for row in csv.DictReader(stream):
            counts = {name: int(count) for name, count in list(row.items())[1:-2]}
            expected.update(counts)
            assert days[row["date"]] == Counter({name: count for name, count in counts.items() if count})
            reported += [row["date"]] if row["tiktok_reported"] == "1" else []
    assert sums == +expected
    assert sums["shop_closed_permanent"] == 331_141
    assert len(events) == len({event.id for event in events}) == 3_362 + 640
    assert [f"{beat.covers_from:%Y-%m-%d}" for beat in beats(events)] == reported
    assert "2024-06-07" not in reported
    assert {to_ms(beat.covers_until) - to_ms(beat.covers_from) for beat in beats(events)} == {DAY_MS}
    assert [beat.state for beat in beats(events)] == ["ALIVE"] * 639 + ["ENDED"]
    assert [event.time_ms for event in events] == sorted(event.time_ms for event in events)


def test_the_closures_of_2025_04_08() -> None:
    [closure] = [
        event
        for event in import_daily(daily_csv())
        if isinstance(event.data, EnforcementAction)
        and event.data.restriction == "shop_closed_permanent"
        and event.time_ms == parse_ms("2025-04-08T00:00:00Z")
    ]
    assert isinstance(closure.data, EnforcementAction)
    assert closure.data.weight == 240_043
    assert closure.data.action_type == "SHOP_CLOSED_PERMANENT"
    assert (closure.data.platform, closure.data.time_precision) == ("TikTok", "day")
    assert (closure.topic, closure.source) == ("live.aggregates", "urn:dsa-transparency-database:TikTok")


def test_the_shipped_recording_is_made_from_the_file(tmp_path: Path) -> None:
    made = tmp_path / "made.jsonl"
    write(made, import_daily(daily_csv()))
    write(tmp_path / "shipped.jsonl", read(shipped()))
    assert made.read_bytes() == (tmp_path / "shipped.jsonl").read_bytes()
    if "zlib-ng" not in zlib.ZLIB_RUNTIME_VERSION:  # packs the same bytes another way
        write(tmp_path / "made.jsonl.gz", import_daily(daily_csv()))
        assert (tmp_path / "made.jsonl.gz").read_bytes() == shipped().read_bytes()


def test_phrases_give_the_families_of_the_file() -> None:
    beyond = {
        "shop_closed_permanent": "Shop closed permanently",
        "live_access_suspended": "permanent removal of LIVE access",
        "video_product_removed": "All products were removed",
        "creator_sales_restricted": "Your account is permanently restricted from selling",
    }
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    more: Counter[str] = Counter()
    with real("dsa_tiktok_freetext_actions_to_2025-06-30.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["field"] != "decision_visibility_other":
                continue
            for family in families_of(row["value"]):
                if beyond.get(family, "\0") in row["value"]:
                    more[family] += int(row["count"])
                else:
                    counts[row["date"]][family] += int(row["count"])
    with daily_csv().open(newline="") as stream:
        for row in csv.DictReader(stream):
            assert counts[row["date"]] == +Counter({name: int(count) for name, count in list(row.items())[1:-2]})
    assert more["shop_closed_permanent"] == 300
    assert more.keys() == beyond.keys()


def test_phrases_agree_with_the_published_mapping() -> None:
    with real("dsa_action_text_mapping.csv").open(encoding="utf-8", newline="") as stream:
        named = [row for row in csv.DictReader(stream) if row["points"]]
    assert len(named) > 100
    assert {row["value"]: points_of(row["value"]) for row in named} == {
        row["value"]: int(row["points"]) for row in named
    }


def test_the_page_shows_the_families() -> None:
    page = (Path(__file__).parents[2] / "docs" / "import-dsa.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    shown = {cells[1].strip(" `"): cells[2].strip(" `") for cells in rows if cells[1].strip(" `").islower()}
    assert {name: shown.get(name) for name in FAMILIES} == FAMILIES


def daily(tmp_path: Path, *lines: str, header: str = FAMILY_HEADER) -> Path:
    path = tmp_path / "daily.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_a_gap_at_the_end_is_no_coverage(tmp_path: Path) -> None:
    path = daily(tmp_path, "2025-01-01,3,0,9,1", "2025-01-02,0,0,0,0")
    action, alive, ended = import_daily(path, platform="Another Shop")
    assert (action.source, action.time_ms) == (
        "urn:dsa-transparency-database:Another%20Shop",
        parse_ms("2025-01-01T00:00:00Z"),
    )
    assert [beat.state for beat in beats([alive, ended])] == ["ALIVE", "ENDED"]
    assert alive.time_ms == parse_ms("2025-01-02T00:00:00Z")
    [last] = beats([ended])
    assert last.covers_from == last.covers_until
    assert ended.time_ms == parse_ms("2025-01-03T00:00:00Z")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["2025-01-01,-1,0,9,1"], "line 2: column live_demoted: '-1' is no count"),
        (["2025-01-01,1.5,0,9,1"], "line 2: column live_demoted: '1.5' is no count"),
        (["2025-01-01,NaN,0,9,1"], "line 2: column live_demoted: 'NaN' is no count"),
        (["2025-01-01,,0,9,1"], "line 2: column live_demoted: '' is no count"),
        (["2025-01-01,1,0,x,1"], "line 2: column tiktok_total_statements: 'x' is no count"),
        (["2025-01-01,1,0,9,1", "2025-13-02,1,0,9,1"], "line 3: column date: '2025-13-02' is no date"),
        (["20250101,1,0,9,1"], "line 2: column date: '20250101' is no date"),
        (["2025-01-01,1,0,9,1", "2025-01-01,1,0,9,1"], "line 3: column date: 2025-01-01 is there twice or out of"),
        (["2025-01-02,1,0,9,1", "2025-01-01,1,0,9,1"], "line 3: column date: 2025-01-01 is there twice or out of"),
        (["2025-01-01,1,0,9,1", "2025-01-03,1,0,9,1"], "line 3: column date: 2025-01-03 leaves days out"),
        (["2025-01-01,1,0,9,yes"], "line 2: column tiktok_reported: 'yes' is neither 0 nor 1"),
        (["2025-01-01,1,0,9,0"], "line 2: counts on a day that was not reported"),
        (["2025-01-01,1,0,9"], "line 2: 4 columns, not 5"),
    ],
)
def test_a_wrong_daily_row_is_named(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(InvalidEvent, match=r"contract: .*daily\.csv: ") as caught:
        list(import_daily(daily(tmp_path, *lines)))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "line 1: the columns must be|is empty"),
        ("day,live_demoted,tiktok_total_statements,tiktok_reported", "line 1: the columns must be date"),
        ("date,live_demoted,tiktok_total_statements", "line 1: the columns must be date"),
        ("date,live_demoted,meta_total_statements,tiktok_reported", "line 1: the columns must be date"),
        ("date,live_banned,tiktok_total_statements,tiktok_reported", "unknown family 'live_banned'; known are live_"),
        ("date,warning,warning,tiktok_total_statements,tiktok_reported", "a column is there twice"),
        (FAMILY_HEADER, "has no days"),
    ],
)
def test_a_wrong_daily_header_is_a_setup_error(tmp_path: Path, header: str, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        list(import_daily(daily(tmp_path, header=header)))


def test_a_missing_or_binary_daily_file_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no such file"):
        list(import_daily(tmp_path / "no.csv"))
    (tmp_path / "a.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(SetupError, match=r"a\.csv: "):
        list(import_daily(tmp_path / "a.csv"))


# --- daily dumps -----------------------------------------------------------------------------------------------------


def test_every_real_statement_is_imported() -> None:
    events = list(import_dump([sample()]))
    rows = sample_rows()
    found = actions(events)
    assert {action.violation_id for action in found} == {row["uuid"] for row in rows}
    assert len(found) == len({action.action_id for action in found}) == 201
    assert Counter(action.platform for action in found) == Counter(row["platform_name"] for row in rows)
    assert Counter(action.action_type for action in found)["LIVE_REDUCED_VISIBILITY"] == 6
    by_uuid = {action.violation_id: action for action in found}
    for row in rows:
        action = by_uuid[row["uuid"]]
        assert action.sor is not None
        assert f"{action.decided_at:%Y-%m-%d %H:%M:%S}" == row["created_at"]
        assert f"{action.effective_at:%Y-%m-%d %H:%M:%S}" == row["application_date"]
        assert action.sor.category == row["category"]
        assert (action.sor.decision_visibility_other or "") == row["decision_visibility_other"]
        assert list(action.sor.territorial_scope) == [
            code for code in row["territorial_scope"].strip("[]").replace('"', "").split(",") if code
        ]
    assert Counter(action.reviewer_type for action in found) == {"AUTOMATED": 155, "HUMAN": 35, "HYBRID": 11}
    assert Counter(action.market for action in found)["NL"] == 2
    assert {event.topic for event in events} == {"live.enforcement"}
    times = [event.time_ms for event in events]
    assert times == sorted(times)
    assert times[0] > MIDNIGHT_MS
    # the sample has two rows of another day in it, and is no whole dump of either
    early, late = beats(events)
    assert (early.state, late.state) == ("ALIVE", "ENDED")
    assert f"{early.covers_from:%F %T} {early.covers_until:%F %T}" == "2024-03-14 00:00:07 2024-03-14 00:08:14"
    assert f"{late.covers_from:%F %T} {late.covers_until:%F %T}" == "2024-08-29 16:28:38 2024-08-29 16:28:39"


def test_a_dump_survives_the_recording(tmp_path: Path) -> None:
    events = list(import_dump([sample()]))
    write(tmp_path / "dump.jsonl.gz", events)
    assert list(read(tmp_path / "dump.jsonl.gz")) == events


def test_every_layout_gives_the_same_actions(tmp_path: Path) -> None:
    rows = sample_rows()
    cut = (len(rows) + 1) // 2
    layouts = {
        "v1-light": {"part.csv": as_csv(light(rows))},
        "v2-full": {"part.csv": as_csv(v2(rows))},
        "v2-light": {"part.csv": as_csv(light(v2(rows)))},
        "two-parts": {"part-0.csv": as_csv(rows[:cut]), "part-1.csv": as_csv(rows[cut:])},
        "zip-in-zip": {
            "sor-0.csv.zip": zipped({"a-0.csv": as_csv(rows[cut:]), "a-1.csv": as_csv(rows[:3])}),
            "sor-1.csv.zip": zipped({"b-0.csv": as_csv(rows[3:cut])}),
        },
        "shuffled": {"part.csv": as_csv(random.Random(7).sample(rows, len(rows)))},
    }
    expected = without_sor(list(import_dump([sample()])))
    for name, members in layouts.items():
        path = tmp_path / f"{name}.zip"
        path.write_bytes(zipped(members))
        events = list(import_dump([path]))
        assert without_sor(events) == expected, name
        sors = [action.sor for action in actions(events) if action.sor is not None]
        assert len(sors) == 201
        assert any(sor.content_id_ean for sor in sors) == name.startswith("v2")
        assert any(sor.territorial_scope for sor in sors) == ("light" not in name)
        kept_v1 = any(sor.category == "STATEMENT_CATEGORY_SCOPE_OF_PLATFORM_SERVICE" for sor in sors)
        assert kept_v1 == (not name.startswith("v2"))


def test_sorting_on_disk_gives_the_same_order(tmp_path: Path) -> None:
    rows = random.Random(7).sample(sample_rows(), 201)
    path = tmp_path / "shuffled.csv"
    path.write_bytes(as_csv(rows))
    expected = list(import_dump([path]))
    # 2 kB hold one row or two: over a hundred runs on disk, merged in two levels
    assert list(import_dump([path], memory_bytes=2_000)) == expected


def statement(number: int = 0, **fields: str) -> dict[str, str]:
    names = "uuid decision_visibility decision_visibility_other end_date_visibility_restriction decision_monetary "
    names += "decision_monetary_other end_date_monetary_restriction decision_provision end_date_service_restriction "
    names += "decision_account end_date_account_restriction account_type decision_ground decision_ground_reference_url "
    names += "illegal_content_legal_ground incompatible_content_ground incompatible_content_illegal category "
    names += "category_addition category_specification category_specification_other content_type content_type_other "
    names += "content_language content_date application_date source_type source_identity automated_detection "
    names += "automated_decision platform_name platform_uid created_at"
    row = dict.fromkeys(names.split(), "")
    row |= {"uuid": f"00000000-0000-4000-8000-{number:012d}", "platform_name": "TikTok"}
    row |= {"created_at": f"2025-07-01 00:00:{number:02d}", "content_type": '["CONTENT_TYPE_OTHER"]'}
    return row | fields


def imported(tmp_path: Path, content: bytes, name: str = "a.csv") -> tuple[list[Event], list[DeadLine]]:
    path = tmp_path / name
    path.write_bytes(content)
    dead: list[DeadLine] = []
    return list(import_dump([path], dead.append)), dead


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"decision_visibility_other": "12 Violation point(s) Freeze products", "decision_visibility": "OTHER"},
            [("PRODUCT_FROZEN", "product_frozen", None), ("POINTS_CHANGED", "points_deducted", 12)],
        ),
        (
            {"decision_visibility_other": "Shop settlement suspended Your shop has been permanently closed."},
            [
                ("SHOP_CLOSED_PERMANENT", "shop_closed_permanent", None),
                ("SETTLEMENT_SUSPENDED", "settlement_suspended", None),
            ],
        ),
        (
            {"decision_visibility_other": "LIVE access suspension for 30 minute(s)  3 violation points"},
            [("LIVE_ACCESS_SUSPENDED", "live_access_suspended", None), ("POINTS_CHANGED", "points_deducted", 3)],
        ),
        (
            {"decision_visibility_other": "Limited distribution"},
            [("RESTRICTION_UNSPECIFIED", "DECISION_VISIBILITY_OTHER", None)],
        ),
        (
            {"decision_visibility": '["DECISION_VISIBILITY_CONTENT_REMOVED"]', "content_type": "CONTENT_TYPE_PRODUCT"},
            [("PRODUCT_REMOVED", "DECISION_VISIBILITY_CONTENT_REMOVED", None)],
        ),
        (
            {"decision_visibility": "", "decision_monetary": "DECISION_MONETARY_SUSPENSION"},
            [("SETTLEMENT_SUSPENDED", "DECISION_MONETARY_SUSPENSION", None)],
        ),
        (
            {"decision_visibility": "", "decision_account": "DECISION_ACCOUNT_TERMINATED"},
            [("ACCOUNT_TERMINATED", "DECISION_ACCOUNT_TERMINATED", None)],
        ),
        (
            {"decision_visibility": "", "decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION"},
            [("RESTRICTION_UNSPECIFIED", "DECISION_PROVISION_PARTIAL_SUSPENSION", None)],
        ),
        ({"decision_visibility": ""}, [("RESTRICTION_UNSPECIFIED", None, None)]),
    ],
)
def test_actions_of_a_statement(
    tmp_path: Path, fields: dict[str, str], expected: list[tuple[str, str | None, int | None]]
) -> None:
    if fields.get("decision_visibility", "OTHER") == "OTHER":
        fields = fields | {"decision_visibility": '["DECISION_VISIBILITY_OTHER"]'}
    events, dead = imported(tmp_path, as_csv([statement(1, **fields)]))
    assert not dead
    found = actions(events)
    assert [(action.action_type, action.restriction, action.points_delta) for action in found] == expected
    assert {action.violation_id for action in found} == {"00000000-0000-4000-8000-000000000001"}
    assert [action.action_id[-2:] for action in found] == [f"-{n}" for n in range(1, len(found) + 1)]


def test_an_end_date_is_kept_where_it_is_one(tmp_path: Path) -> None:
    visibility = {"end_date_visibility_restriction": "2025-07-08 00:00:00"}
    both = visibility | {"end_date_account_restriction": "2025-08-01 00:00:00"}
    events, _ = imported(tmp_path, as_csv([statement(1, **visibility), statement(2, **both), statement(3)]))
    assert [action.ends_at and f"{action.ends_at:%m-%d}" for action in actions(events)] == ["07-08", None, None]


def test_broken_rows_are_named_and_the_import_goes_on(tmp_path: Path) -> None:
    rows = [statement(n, decision_facts="") | {"source_identity": "x"} for n in range(12)]
    for row in rows:
        del row["decision_facts"]
    lines = as_csv(rows).split(b"\n")
    lines[2] = lines[2].replace(b"TikTok", b'"Tik"Tok')
    lines[3] = lines[3].replace(b"TikTok", b"Tik,Tok")
    lines[4] = lines[4].replace(b"TikTok", b"Tik\xffTok")
    lines[5] = lines[5].replace(b"2025-07-01", b"01/07/2025")
    lines[6] = lines[6].replace(b"CONTENT_TYPE_OTHER", b"CONTENT_TYPE_HOLOGRAM")
    lines[7] = lines[7].replace(b"TikTok", b"")
    lines[8] = lines[8].replace(b"TikTok", b'"TikTok')
    lines[9] += b"\nstray line, of no record"
    lines[10] = lines[1]
    events, dead = imported(tmp_path, b"\n".join(lines))
    assert [action.action_id[-4:-2] for action in actions(events)] == ["00", "08", "10", "11"]
    assert sorted((row.line, row.reason) for row in dead) == [
        (3, "broken_csv"),
        (4, "broken_csv"),
        (5, "broken_csv"),
        (6, "contract"),
        (7, "contract"),
        (8, "contract"),
        (9, "broken_csv"),
        (11, "broken_csv"),
        (12, "duplicate"),
    ]
    assert {row.file for row in dead} == {"a.csv"}
    assert "content_type.0" in next(row.detail for row in dead if row.line == 7)
    with pytest.raises(InvalidEvent, match=r"broken_csv: a\.csv: line 3: "):
        list(import_dump([tmp_path / "a.csv"]))


def test_quotes_escaped_by_a_backslash_are_read(tmp_path: Path) -> None:
    row = statement(1, decision_visibility='["DECISION_VISIBILITY_OTHER"]', decision_visibility_other="MARK")
    content = as_csv([row, statement(2)]).replace(b"MARK", rb'"""\"#1, and free\""""')
    events, dead = imported(tmp_path, content)
    assert not dead
    first, second = actions(events)
    assert first.sor is not None
    assert first.sor.decision_visibility_other == r'"\"#1, and free\""'
    assert second.action_id.endswith("02-1")


def test_a_text_over_two_lines_is_one_record(tmp_path: Path) -> None:
    row = statement(1, decision_visibility_other="Freeze products\nand, more")
    events, dead = imported(tmp_path, as_csv([row, statement(2)]))
    assert not dead
    assert [action.action_type for action in actions(events)] == ["PRODUCT_FROZEN", "RESTRICTION_UNSPECIFIED"]


def test_days_and_what_they_cover(tmp_path: Path) -> None:
    def dump(name: str, *created: str) -> Path:
        path = tmp_path / name
        rows = [
            statement(n, created_at=at) | {"uuid": f"{at[8:10]}{n:06d}-0000-4000-8000-000000000000"}
            for n, at in enumerate(created)
        ]
        empty = as_csv([statement()]).split(b"\n")[0] + b"\n"
        path.write_bytes(zipped({"a.csv": as_csv(rows) if rows else empty}))
        return path

    paths = [
        dump("sor-global-2025-07-03-full.zip", "2025-07-03 10:00:00"),
        dump("sor-global-2025-07-01-light.zip", "2025-07-01 23:59:59", "2025-07-01 08:00:00"),
        dump("sor-global-2025-07-02-light.zip"),
        dump("selection.zip", "2025-07-04 10:00:00", "2025-07-04 11:00:00"),
    ]
    events = list(import_dump(paths))
    assert [event.time_ms for event in events] == sorted(event.time_ms for event in events)
    assert [
        (f"{beat.covers_from:%dT%H:%M:%S}", f"{beat.covers_until:%dT%H:%M:%S}", beat.state) for beat in beats(events)
    ] == [
        ("01T00:00:00", "02T00:00:00", "ALIVE"),
        ("03T00:00:00", "04T00:00:00", "ALIVE"),
        ("04T10:00:00", "04T11:00:01", "ENDED"),
    ]


def damaged() -> bytes:
    noise = random.Random(7)
    rows = [statement(n, decision_visibility_other=noise.randbytes(100).hex()) for n in range(60)]
    whole = bytearray(zipped({"a.csv": as_csv(rows)}))
    whole[-400] ^= 0xFF
    return bytes(whole)


def as_if(content: bytes, *, method: int | None = None, flags: int = 0) -> bytes:
    """A zip of one member, with another method of packing or other flags in both of its headers."""
    packed = bytearray(zipped({"a.csv": content}))
    for start, at in ((packed.index(b"PK\x03\x04"), 6), (packed.index(b"PK\x01\x02"), 8)):
        if flags:
            packed[start + at] |= flags
        if method is not None:
            packed[start + at + 2] = method
    return bytes(packed)


def dumps_that_are_none() -> Iterator[tuple[str, bytes, str]]:
    good = as_csv([statement()])
    yield "a.csv", b"", r"a\.csv: is empty"
    yield "a.csv", b"\x00\x01\xff" * 400, r"a\.csv: line 1: unknown column .*not a DSA dump"
    yield "a.csv", good.replace(b"uuid", b"id"), "line 1: unknown column 'id'"
    yield "a.csv", good.replace(b"platform_name,", b""), "line 1: missing column 'platform_name'"
    yield "a.csv", good.replace(b"platform_uid", b"uuid"), "line 1: missing column 'platform_uid'"
    yield "a.csv", good.replace(b"created_at", b"created_at,uuid"), "line 1: repeated column 'uuid'"
    yield "a.parquet", good, r"a\.parquet: not a \.csv or a \.zip"
    yield "a.csv", good.replace(b"uuid,", b"uuid\r,x,"), r"a\.csv: line 1: no line of column names"
    yield "a.csv", b"x" * 200_000, r"a\.csv: line 1: unknown column"
    yield "a.zip", good, r"a\.zip: damaged archive"
    yield "a.zip", zipped({"a.csv": good})[:-30], r"a\.zip: damaged archive"
    yield "a.zip", as_if(good, method=9), r"a\.zip/a\.csv: packed .* \(Deflate64\); unpack it first"
    yield "a.zip", as_if(good, method=97), r"a\.zip/a\.csv: packed .*compression.*; unpack it first"
    yield "a.zip", as_if(good, flags=0x1), r"a\.zip/a\.csv: encrypted; unpack it first"
    yield "a.zip", as_if(good, flags=0x41), r"a\.zip/a\.csv: encrypted; unpack it first"
    yield "a.zip", as_if(good, flags=0x20), r"a\.zip/a\.csv: packed .*; unpack it first"
    yield "a.zip", damaged(), r"a\.zip: damaged archive"
    yield "a.zip", zipped({"readme.txt": b"hello"}), r"a\.zip/readme\.txt: not a \.csv or a \.zip"
    deep = zipped({"d.zip": zipped({"c.zip": zipped({"b.zip": zipped({"a.csv": good})})})})
    yield "a.zip", deep, r"not a \.csv or a \.zip of them"


@pytest.mark.parametrize(("name", "content", "says"), list(dumps_that_are_none()))
def test_what_is_no_dump_is_a_setup_error(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(SetupError, match=says) as caught:
        imported(tmp_path, content, name)
    assert "\n" not in str(caught.value)


def test_what_is_empty_in_an_archive_is_named_and_the_rest_is_imported(tmp_path: Path) -> None:
    members = {"a.csv": as_csv([statement()]), "b.csv": b"", "c.zip": zipped({}), "d.zip": zipped({"e.csv": b""})}
    events, dead = imported(tmp_path, zipped(members), "a.zip")
    assert len(actions(events)) == 1
    assert [(line.file, line.reason) for line in dead] == [
        (f"a.zip/{name}", "empty_file") for name in ("b.csv", "c.zip", "d.zip/e.csv")
    ]


def test_the_command_names_an_empty_member(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "a.zip", tmp_path / "out.jsonl"
    path.write_bytes(zipped({"a.csv": as_csv([statement(), statement(1)]), "b.csv": b""}))
    assert main(["import", "dsa", str(path), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.err == "a.zip/b.csv: line 1: empty_file: there is nothing in it\n"
    assert said.out.startswith("3 events in ")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_a_long_field_lose_nothing(tmp_path: Path, end: bytes) -> None:
    content = as_csv([statement(), statement(1), statement(2, decision_visibility_other="x" * 300_000)]).replace(
        b"\n", end
    )
    events, dead = imported(tmp_path, b"\xef\xbb\xbf" + content)
    assert [(line.line, line.reason) for line in dead] == [(4, "contract")], "read whole, and too long for its contract"
    assert len({event.id for event in events}) == len(events) == 3


def test_a_missing_dump_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"no\.zip: no such file"):
        list(import_dump([tmp_path / "no.zip"]))
