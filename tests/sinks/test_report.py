"""Reports: facts as they are stored, unknown where they are not, and what people wrote as text in both forms."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cli import main
from livewarden.checkpoint import Checkpoint
from livewarden.errors import SetupError
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, to_ms
from sinks.report.case import case_study
from sinks.report.incident import incident_update
from sinks.report.page import UNKNOWN, Report, as_text, html, known, markdown
from sinks.report.weekly import last_week, week_of, weekly_digest
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from tests.cli.test_response import settle
from tests.clickhouse_fixtures import clickhouse, clickhouse_server, fresh_database, server_address
from tests.console_fixtures import HOSTILE, T0, alert_row, change_row, judgement_row
from tests.evening_fixtures import (
    ALERTS,
    CASES,
    INCIDENTS,
    case,
    disposition,
    evening,
    incident,
    judged,
    notification,
)

__all__ = ["clickhouse", "clickhouse_server"]

NOW: Final = T0 + HOUR_MS
WEEK: Final = week_of("2026-W10")
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reports.md"
MARKDOWN: Final = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
DIGEST: Final = "ab" * 32


class Text(HTMLParser):
    """What a browser would show of a page, and the elements that it would make."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    @property
    def text(self) -> str:
        return "".join(self.shown)


def rendered(text: str) -> Text:
    return Text(MARKDOWN.render(text))


def rows() -> dict[str, list[dict[str, Any]]]:
    """The evening, with a package of evidence noted, a case that ended, and a series around it."""
    found = evening(NOW)
    package = [{"name": "c.evidence.zip", "digest": DIGEST, "size": 4321, "by": "ana", "at": "2026-03-06T18:59:00Z"}]
    found["cases"][2] |= {"evidence": json.dumps(package), "started_at": T0, "ended_at": T0 + 30 * MINUTE_MS}
    found["judgements"] = [judgement_row(minute) for minute in range(-60, 4)]
    return found


@pytest.fixture(scope="module")
def filled() -> Any:
    loop = asyncio.new_event_loop()
    database = fresh_database(server_address("embedded"))

    async def start() -> Address:
        address = await database.__aenter__()
        await write(address, rows())
        return address

    yield loop.run_until_complete(start())
    loop.run_until_complete(database.__aexit__(None, None, None))
    loop.close()


async def write(address: Address, tables: Mapping[str, list[dict[str, Any]]]) -> None:
    store = await ClickHouseStore.connect(*dataclasses.astuple(address))
    for name, some in tables.items():
        await store.write(name, some)
    await store.close()


@pytest.fixture
async def reader(filled: Address) -> AsyncIterator[Reader]:
    async with await Reader.connect(*dataclasses.astuple(filled)) as reader:
        yield reader


def facts(report: Report, title: str) -> dict[str, str]:
    """The facts of a section."""
    return dict(section(report, title).facts)


def section(report: Report, title: str) -> Any:
    return next(each for each in report.sections if each.title == title)


def table(report: Report, title: str) -> list[dict[str, str]]:
    found = section(report, title).table
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


@pytest.mark.clickhouse
async def test_an_update_says_what_where_how_big_since_when_and_who(reader: Reader) -> None:
    monitors = {"measures": {"title": "Measures by policy", "playbook": "https://wiki.example/measures"}}
    report = await incident_update(reader, INCIDENTS[0], now_ms=NOW, monitors=monitors)
    what = facts(report, "What")
    assert what["what"] == "enforcement spike, Measures by policy"
    assert what["where"] == "DE · p7"
    assert what["how big"] == "257 in 15 min, expected 60 (×4.3)"
    assert what["since"] == "in the 15 min before 2026-03-06 18:01 UTC, not over"
    assert what["playbook"] == "https://wiki.example/measures"
    assert facts(report, "Acknowledged")["who"] == "unacknowledged"
    notified = table(report, "Who was notified")
    assert [(e["channel"], e["state"], e["taken"]) for e in notified] == [
        ("team", "sent", "2026-03-06 18:00 UTC"),
        ("on-call", "pending", "not taken"),
    ]
    assert facts(report, "Why")["verdict"] == "policy"
    assert "For it: p7 was rolled out" in section(report, "Why").lines
    assert "Against it: nothing is stored." in section(report, "Why").lines
    assert table(report, "Changes near the onset")[0]["change"] == "model release completed m1 1 → 2"
    opened = section(report, "What is open").lines
    assert "Unacknowledged." in opened
    assert "1 notification not taken: on-call." in opened
    assert f"Case {CASES[1][:8]} is not over: open, ana's, overdue, 1 open task." in opened
    assert len(section(report, "What").charts) == 1


@pytest.mark.clickhouse
async def test_an_update_says_who_has_had_it_and_that_it_is_over(reader: Reader) -> None:
    has = facts(await incident_update(reader, INCIDENTS[1], now_ms=NOW, monitors={}), "Acknowledged")
    assert (has["who"], has["acknowledged"]) == ("ana", "2026-03-06 18:04 UTC, after 4 min")
    report = await incident_update(reader, INCIDENTS[2], now_ms=NOW, monitors={})
    assert facts(report, "Acknowledged")["over"] == "2026-03-06 19:00 UTC, its alerts ended"
    assert section(report, "Who was notified").nothing == "Nobody: campaign spring-sale"


@pytest.mark.clickhouse
async def test_what_is_not_stored_is_unknown(clickhouse: Address) -> None:
    row = incident(INCIDENTS[0], NOW, lead_alert_id="gone", owner="", firing_count=0)
    await write(clickhouse, {"incidents": [row], "cases": [case(0, NOW)]})
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        report = await incident_update(reader, INCIDENTS[0], now_ms=NOW, monitors={})
        what = facts(report, "What")
        assert [what[name] for name in ("what", "where", "how big", "since", "team", "playbook")] == [UNKNOWN] * 6
        assert section(report, "Why").nothing == "unknown: no explanation is stored."
        assert section(report, "Who was notified").nothing == "Nobody; the reason is unknown."
        assert "The cause is not known." in section(report, "What is open").lines
        study = await case_study(reader, CASES[0], now_ms=NOW, monitors={})
        assert section(study, "What deviated").nothing.startswith(UNKNOWN)
        assert section(study, "Evidence").nothing == "No package is noted in its history."
        assert section(study, "How it ended").empty
        digest = await weekly_digest(reader, WEEK, now_ms=NOW)
        assert facts(digest, "In short")["alerts"] == UNKNOWN
        assert section(digest, "Alerts by monitor").nothing == "unknown: no event of the week was judged."
        for each in (report, study, digest):
            assert "None" not in Text(html(each)).text.replace("None.", "").replace("None is", "")
        with pytest.raises(SetupError, match="there is no incident"):
            await incident_update(reader, "none", now_ms=NOW, monitors={})
        with pytest.raises(SetupError, match="there is no case"):
            await case_study(reader, "none", now_ms=NOW, monitors={})


@pytest.mark.clickhouse
async def test_a_study_has_the_end_the_timeline_the_chart_and_the_digests(reader: Reader) -> None:
    report = await case_study(reader, CASES[2], now_ms=NOW, monitors={})
    ending = facts(report, "How it ended")
    assert (ending["resolution"], ending["reason"]) == ("ROLLED_BACK", "7.2.0 was rolled back")
    assert ending["which means"] == "A change of the platform caused it and was rolled back."
    assert facts(report, "The case")["over"] == "2026-03-06 18:30 UTC, after 30 min"
    assert table(report, "Evidence")[0]["SHA-256 digest"] == DIGEST
    page = html(report)
    assert DIGEST in page
    assert page.count("<svg") == 1
    assert "<path" in page
    working = await case_study(reader, CASES[1], now_ms=NOW, monitors={})
    happened = [(each["time"], each["what"]) for each in table(working, "Timeline")]
    assert happened[0] == ("event", "change")
    assert ("event", "alert") in happened
    assert happened[-2:] == [("clock", "moved"), ("clock", "noted")]
    assert "Its next step is overdue by 1 h." in section(working, "What is open").lines


@pytest.mark.clickhouse
async def test_what_people_wrote_is_text_in_both_forms(reader: Reader) -> None:
    reports = [
        await incident_update(reader, INCIDENTS[0], now_ms=NOW, monitors={"measures": {"title": HOSTILE}}),
        await case_study(reader, CASES[1], now_ms=NOW, monitors={"measures": {"title": HOSTILE}}),
        await weekly_digest(reader, WEEK, now_ms=NOW),
    ]
    for report in reports:
        for shown in (rendered(markdown(report)), Text(html(report))):
            assert HOSTILE in shown.text
            assert not shown.elements & {"script", "img", "a", "iframe", "object"}
            assert not {each for each in shown.attributes if each.startswith("on")}


ANY: Final = st.text(st.characters(codec="utf-8") | st.sampled_from("*_`[]()<>|~&#!\\=+-.:1$\n"), max_size=40)


@given(ANY)
@example("1. one")
@example("12) two")
@example("0.5 three")
@example("- x")
@example("---")
@example("# x #")
@example("=====")
@example("a | b \\| c")
@example("![x](y)")
@example("<https://example.com>")
@example("&lt;b&gt;")
@example("__so__ and _so_ and so_so")
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    wanted = known(text) if text else ""
    page = f"- x: {as_text(text)}\n\n| a |\n| --- |\n| x {as_text(text)} |\n\n- {as_text(text)}\n"
    shown = rendered(page)
    lines = [line.strip() for line in shown.text.split("\n") if line.strip()]
    assert lines[0] == f"x: {wanted}".strip()
    assert lines[2] == f"x {wanted}".strip()
    assert lines[3:] == ([wanted] if wanted else [])
    assert shown.elements <= {"ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.clickhouse
async def test_a_week_is_counted_against_the_week_before(clickhouse: Address) -> None:
    at = WEEK + DAY_MS
    before = WEEK - DAY_MS
    alerts = [
        alert_row(1, window_start=at),
        alert_row(2, window_start=WEEK, suppressed_by="cooldown"),
        alert_row(3, window_start=at, monitor="stalls", severity="info"),
        alert_row(4, window_start=before),
        alert_row(5, window_start=WEEK + 7 * DAY_MS),
        alert_row(6, window_start=at, run="what-if"),
        alert_row(7, window_start=WEEK - 8 * DAY_MS),
    ]
    incidents = [
        incident("i1", at, notified=1, acknowledged_by="ana", acknowledged_at=at + HOUR_MS, status="acknowledged"),
        incident("i2", at, notified=1, acknowledged_by="ben", acknowledged_at=at + 2 * HOUR_MS, status="resolved"),
        incident("i3", at, monitors=["measures", "stalls"]),
        incident("i4", before),
    ]
    cases = [
        case(0, at),
        case(1, at, state="closed", resolution="FIXED", resolved_at=at + HOUR_MS, monitors=["stalls"]),
        case(2, before, overdue=1, due_at=NOW - 2 * DAY_MS, state="open", owner="ana"),
    ]
    ended = [judged(0, at, "true"), judged(1, at, "false"), judged(2, before, "false")]
    dispositions = [disposition(0, at, "inhibited", "x", ""), disposition(1, before, "silenced", "s", "")]
    sent = [notification(0, at, state="given_up")]
    await write(clickhouse, {"alerts": alerts, "incidents": incidents, "cases": cases, "feedback": ended})
    await write(clickhouse, {"dispositions": dispositions, "notifications": sent})
    await write(
        clickhouse,
        {"channels": [{"channel": "mail", "version": 1, "state": "down", "since": at, "failures": 3, "error": "503"}]},
    )
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        report = await weekly_digest(reader, WEEK, now_ms=NOW)
        earlier = await weekly_digest(reader, WEEK - 28 * DAY_MS, now_ms=NOW)
        store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
        await store.save(Checkpoint("detect", "livewarden.partials", 0, 1, WEEK + 15 * DAY_MS, "{}"))
        await store.close()
        later = await weekly_digest(reader, WEEK + 14 * DAY_MS, now_ms=WEEK + 30 * DAY_MS)
    assert report.title == "2026-W10, Mon 2 Mar 2026 to Sun 8 Mar 2026"
    assert facts(report, "In short") == {
        "alerts": "3 (week before: 1, +2)",
        "incidents": "3 (week before: 1, +2)",
        "incidents that somebody was notified of": "2",
        "cases that came up": "2 (week before: 1, +1)",
        "cases overdue now": "1",
        "channels down now": "1",
    }
    assert table(report, "Alerts by monitor") == [
        {"monitor": "measures", "week": "2", "not kept back": "1", "week before": "1", "change": "+1"},
        {"monitor": "stalls", "week": "1", "not kept back": "1", "week before": "0", "change": "+1"},
    ]
    assert {e["monitor"]: e["week"] for e in table(report, "Incidents by monitor")} == {"measures": "3", "stalls": "1"}
    assert [(e["state"], e["week"], e["change"]) for e in table(report, "Cases by state")] == [
        ("candidate", "1", "+1"),
        ("closed", "1", "+1"),
        ("open", "0", "−1"),
    ]
    assert [(e["waited"], e["who had it"]) for e in table(report, "Longest to acknowledge")] == [
        ("2 h", "ben"),
        ("1 h", "ana"),
    ]
    assert facts(report, "Longest to acknowledge") == {
        "acknowledged": "2 of 2 that somebody was notified of",
        "half of these within": "1 h",
    }
    assert [(e["late"], e["owner"]) for e in table(report, "Overdue cases")] == [("overdue by 2 d", "ana")]
    assert [(e["precision"], e["week before"]) for e in table(report, "Precision by monitor")] == [
        ("50% (1 of 2)", "0% (0 of 1)")
    ]
    assert [(e["reason"], e["week"], e["week before"]) for e in table(report, "Kept back, by reason")] == [
        ("muted by a wider slice", "1", "0"),
        ("silenced", "0", "1"),
    ]
    assert [e["channel"] for e in table(report, "Channels down")] == ["mail"]
    assert [e["week"] for e in table(report, "Notifications given up")] == ["1"]
    assert [e["resolution"] for e in table(report, "Cases that ended")] == ["FIXED"]
    assert "The week is not over" in report.stand
    assert facts(earlier, "In short")["alerts"] == UNKNOWN
    assert facts(later, "In short")["alerts"] == "0 (week before: 1, −1)"
    assert any(
        "Events are judged until 2026-03-17 00:00 UTC: those that came later are" in e
        for e in section(later, "In short").lines
    )


def test_weeks_begin_on_monday_and_the_last_one_is_over() -> None:
    assert week_of("2026-W01") == to_ms(datetime(2025, 12, 29, tzinfo=UTC))
    assert week_of("2020-W53") == to_ms(datetime(2020, 12, 28, tzinfo=UTC))
    assert last_week(WEEK) == WEEK - 7 * DAY_MS
    assert last_week(WEEK - 1) == WEEK - 14 * DAY_MS
    for wrong in ("2026-W00", "2026-W54", "2025-W53", "2026-10", "2026W10", "", "2026-W1", "٢٠٢٦-W10"):
        with pytest.raises(SetupError, match="is no ISO week such as 2026-W10"):
            week_of(wrong)


@pytest.fixture
def terminal(filled: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, filled)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["report", *args])
    return code, *capsys.readouterr()


COMMANDS: Final = {
    "incident": ["incident", INCIDENTS[0][:8]],
    "case": ["case", CASES[1][:8]],
    "weekly": ["weekly", "--week", "2026-W10"],
}


@pytest.mark.clickhouse
@pytest.mark.parametrize("name", COMMANDS)
def test_a_report_goes_to_stdout_or_to_a_file(
    name: str, terminal: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = COMMANDS[name]
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert out.startswith("# ")
    found = json.loads(run(capsys, *words, "--json")[1])
    assert {"kind", "title", "stand", "sections"} == set(found)
    assert "<svg" not in json.dumps(found)
    for suffix, begins in ((".md", "# "), (".html", "<!doctype html>")):
        file = tmp_path / f"report{suffix}"
        code, out, err = run(capsys, *words, "--out", str(file))
        assert (code, err) == (0, "")
        assert file.read_text().startswith(begins)
        assert out.endswith(f"{file.stat().st_size:,} bytes in {file}\n")
        assert run(capsys, *words, "--out", str(file))[0] == 2
        assert run(capsys, *words, "--out", str(file), "--force")[0] == 0


WRONG: Final = {
    "incident none": "no incident has an id that begins with 'none'",
    "case none": "no case has an id",
    f"incident {INCIDENTS[0]} --out a.pdf": "'a.pdf' ends in none of .md, .html",
    f"incident {INCIDENTS[0]} --out a.md --json": "--json goes to stdout",
    "weekly --week 10": "'10' is no ISO week",
    "weekly --week 2999-W01": "has not begun",
    "weekly 2026-W10": "",
    "frobnicate": "No such command 'frobnicate'",
}


@pytest.mark.clickhouse
@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_one_line_exit_2(line: str, terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *line.split())
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert WRONG[line] in err


def example_rows() -> dict[str, list[dict[str, Any]]]:
    """A stall of playback, an hour ago."""
    began = T0 - 11 * MINUTE_MS
    notified = {
        "text": "Stalls on CDN 3 in DE; 88 % of the excess is there.",
        "onset": "2026-03-06T17:49:00Z",
        "verdict": {
            "verdict": "INFRASTRUCTURE",
            "strength": "strong",
            "runner_up": "PRODUCT",
            "for": ["CDN 3 was moved 4 min before the onset", "other CDNs in DE are as usual"],
            "against": ["the change names 10 % of the rooms, the excess is larger"],
        },
        "slices": {"causes": [{"slice": {"cdn": "3"}, "share": 0.88, "without": 0.85}]},
    }
    lead = alert_row(alert_id=ALERTS[0], monitor="traffic-stalls", kind="QUALITY_DEGRADATION", series={"market": "DE"})
    lead |= {"explanation": json.dumps(notified), "case_id": CASES[1], "subjects": None, "window_start": T0}
    child = alert_row(alert_id=ALERTS[1], monitor="traffic-stalls", kind="QUALITY_DEGRADATION", severity="warning")
    child |= {"series": {"market": "DE", "cdn": "3"}, "scan_buckets": 1, "observed": 41, "expected": 3}
    opened = T0 + MINUTE_MS
    return {
        "alerts": [lead, child],
        "incidents": [
            incident(INCIDENTS[0], began, status="acknowledged", title="Playback stalls in DE", lead_alert_id=ALERTS[0])
            | {"monitors": ["traffic-stalls"], "case_ids": [CASES[1]], "change_id": "ch-7", "owner": "live-platform"}
            | {"notified": 1, "notified_at": opened, "opened_at": opened, "firing_count": 2, "version": 3}
            | {"acknowledged_by": "ana", "acknowledged_at": opened + 4 * MINUTE_MS}
        ],
        "dispositions": [
            disposition(0, opened, "notified", "", "notified as a new incident"),
            disposition(1, opened, "inhibited", ALERTS[0], "part of the alert on DE"),
        ],
        "notifications": [notification(0, opened, channel="on-call", sent_at=opened + 2_000)],
        "cases": [case(1, opened, state="triage", title="Playback stalls in DE", opened_at=opened, open_tasks=1)],
        "events": [
            change_row(
                3, began - 4 * MINUTE_MS, change_id="ch-7", kind="INFRASTRUCTURE", target="cdn-3", owner_team="edge"
            )
        ],
        "actions": [
            {"action_id": "a", "at": opened + 4 * MINUTE_MS, "asked_at": opened + 4 * MINUTE_MS, "who": "ana"}
            | {"role": "operator", "do": "acknowledge", "target": INCIDENTS[0], "outcome": "accepted"}
            | {"answer": "ana has it", "data": "{}"}
        ],
    }


@pytest.mark.clickhouse
async def test_the_document_shows_a_report_as_it_is_made(clickhouse: Address) -> None:
    """With LIVEWARDEN_WRITE_GOLDENS=1 it writes the document's example anew."""
    await write(clickhouse, example_rows())
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        made = markdown(await incident_update(reader, INCIDENTS[0], now_ms=T0 + 20 * MINUTE_MS, monitors={}))
    text = DOCUMENT.read_text(encoding="utf-8")
    head = text.partition("```markdown\n")[0]
    wanted = f"{head}```markdown\n{made}```\n"
    if os.environ.get("LIVEWARDEN_WRITE_GOLDENS") == "1":
        DOCUMENT.write_text(wanted, encoding="utf-8")
        return
    assert text == wanted, "LIVEWARDEN_WRITE_GOLDENS=1 writes it anew"
