"""Every page of the console, empty and full, as a browser gets it."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from yarl import URL

from livewarden.checkpoint import Checkpoint
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms
from models.library.stored import library_row
from sinks.present.wording import exactly
from sinks.store.connection import Address
from tests.clickhouse_fixtures import NODES, SERVERS, clickhouse, clickhouse_server
from tests.console_fixtures import (
    ENTRIES,
    HOSTILE,
    POSITIONS,
    T0,
    Site,
    action_row,
    alert_row,
    case_row,
    change_row,
    channel_row,
    dead_row,
    disposition_row,
    event_row,
    feedback_row,
    history_row,
    incident_row,
    judgement_row,
    notification_row,
    silence_row,
    site,
    site_over,
    work_row,
    working,
)

__all__ = ["clickhouse", "clickhouse_server", "site", "working"]
pytestmark = pytest.mark.clickhouse

LISTS = (
    "/incidents",
    "/alerts",
    "/cases",
    "/silences",
    "/changes",
    "/misjudgement",
    "/library",
    "/dead-letters",
    "/health",
    "/load",
    "/actions",
)
ONE = (
    "/incidents/incident-1",
    "/alerts/alert-1",
    "/cases/case-1",
    "/cases/case-1/blast-radius",
    "/cases/case-1/review",
    "/library/old-1",
    "/library/patterns/pattern-1",
    "/dead-letters/live.enforcement/1/7",
)


class Page(HTMLParser):
    """What a page is made of: links, rows, scripts, and everything that would run or style in place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.rows: list[str] = []
        self.inline: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
            if "data-row" in given:
                self.rows.append(given["href"] or "")
        if (tag == "script" and not (given.get("src") or "").startswith("/static/")) or tag in (
            "style",
            "iframe",
            "object",
        ):
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "script":
            self.cdata_elem = None  # nothing hides behind a script


async def test_every_page_without_a_row_says_so(site: Site) -> None:
    said = {
        "/incidents": "No incident waits for anybody",
        "/silences": "Nothing is silenced",
        "/actions": "Nobody has done anything yet",
        "/alerts": "Nothing has been judged yet",
        "/cases": "No cases yet",
        "/changes": "No platform change",
        "/misjudgement": "Nothing has been read yet",
        "/library": "Nothing is in the library yet",
        "/dead-letters": "No record was set aside",
        "/health": "No worker has saved a position yet",
        "/load": "On-call load and noise",
    }
    for path in LISTS:
        assert said[path] in await site.page(path)


@pytest.mark.parametrize(
    "path",
    [
        "/alerts/none",
        "/entity/nobody",
        "/entity/%00",
        "/alerts/%ff",
        "/alerts/%00",
        "/alerts/'",
        "/cases/%22%3E",
        "/cases/none",
        "/cases/none/evidence.json",
        "/dead-letters/t/0/1",
        "/dead-letters/t/99999999999/1",
        "/dead-letters/t/x/1",
        "/nope",
        "/static/../app.py",
    ],
)
async def test_what_is_not_there_is_404(site: Site, path: str) -> None:
    async with site.http.get(URL(site.url + path, encoded=True)) as answer:
        assert answer.status == 404
        assert "Content-Security-Policy" in answer.headers


async def test_alerts_firing_first_then_severity_then_newest(site: Site) -> None:
    await site.store.write(
        "alerts",
        [
            alert_row(1, status="resolved"),
            alert_row(2, severity="info", window_start=T0 + 9 * HOUR_MS),
            alert_row(3, severity="warning"),
            alert_row(4, window_start=T0 - HOUR_MS),
            alert_row(5, window_start=T0),
            alert_row(6, suppressed_by="cooldown"),
            alert_row(7, run="what-if"),
        ],
    )
    text = await site.page("/alerts")
    assert Page(text).rows == [f"/alerts/alert-{number}" for number in (5, 4, 3, 2, 1)]
    assert "4 firing" in text
    assert "1 suppressed" in text
    shown = await site.page("/alerts?suppressed=only")
    assert Page(shown).rows == ["/alerts/alert-6"]
    assert "not notified: cooldown" in shown


async def test_what_fires_is_on_the_first_page_whatever_is_worse(site: Site) -> None:
    normal = [alert_row(n, status="resolved") for n in range(40)]
    await site.store.write("alerts", normal + [alert_row(n, severity="info") for n in range(100, 150)])
    assert {int(row.rpartition("-")[2]) for row in Page(await site.page("/alerts")).rows} == set(range(100, 150))


async def test_every_filter_is_a_link(site: Site) -> None:
    await site.store.write(
        "alerts",
        [
            alert_row(1),
            alert_row(2, monitor="viewers", series={"market": "NL"}, severity="warning"),
            alert_row(3, status="resolved", series={"market": "denmark"}, window_start=T0 + HOUR_MS),
        ],
    )
    found = {
        "/alerts?monitor=viewers": [2],
        "/alerts?slice=market=nl": [2],
        "/alerts?slice=de": [1, 3],
        "/alerts?severity=critical&status=firing": [1],
        "/alerts?from=2026-03-06T18:30": [3],
        "/alerts?to=2026-03-06T18:30:00%2B00:00&severity=critical": [1],
        "/alerts?slice='": [],
        "/alerts?slice=%25": [],
        "/alerts?slice=\\": [],
        "/alerts?slice=%7Brun:String%7D": [],
        "/alerts?severity=&status=&from=": [1, 2, 3],
    }
    for path, numbers in found.items():
        rows = Page(await site.page(path)).rows
        assert sorted(rows) == [f"/alerts/alert-{number}" for number in numbers], path


async def test_last_counts_back_from_what_was_judged(site: Site) -> None:
    await site.fill()
    assert Page(await site.page("/alerts?last=1h")).rows == ["/alerts/alert-1", "/alerts/alert-2"]
    await site.store.write("alerts", [alert_row(9, window_start=T0 - 3 * HOUR_MS)])
    assert "/alerts/alert-9" not in Page(await site.page("/alerts?last=1h")).rows
    assert "/alerts/alert-9" in Page(await site.page("/alerts?last=6h")).rows


async def test_pages_hold_fifty_and_keep_the_filter(site: Site) -> None:
    await site.store.write("alerts", [alert_row(n, window_start=T0 + n * MINUTE_MS) for n in range(120)])
    first = Page(await site.page("/alerts?severity=critical"))
    assert len(first.rows) == 50
    assert "/alerts?severity=critical&page=2" in first.links
    last = Page(await site.page("/alerts?severity=critical&page=3"))
    assert len(last.rows) == 20
    assert not set(first.rows) & set(last.rows)
    assert "/alerts?severity=critical&page=2" in last.links
    assert Page(await site.page("/alerts?page=9999")).rows == []


async def test_one_alert_on_one_page(site: Site) -> None:
    await site.fill()
    text = await site.page("/alerts/alert-1")
    plain = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
    assert (
        "Measures taken, DE · p7: 257 in 15 min, expected 60 (×4.3), in the 15 min before 2026-03-06 18:01 UTC,"
        " not over after 5 min." in plain
    )
    assert text.count('<rect class="inside"') == 15
    assert "owner: team-policy" in plain
    assert 'href="https://example.org/playbook"' in text
    assert "3 events stand for 6" in plain
    assert "AND JSONExtract(data, 'market', 'String') IN ['DE']" in html.unescape(text)
    assert "No explanation is stored yet" in plain
    assert "model release completed m1 1 → 2 DE 50 % models change-50 names this slice" in plain
    assert text.index("change-50") < text.index("change-51")
    page = Page(text)
    assert "/cases/case-1" in page.links
    assert "/alerts/alert-2" in page.rows
    assert "/alerts/alert-3" not in page.links


async def test_the_sql_that_is_shown_selects_what_is_shown(site: Site, clickhouse: Any) -> None:
    await site.fill()
    others = [
        event_row(10, late=1),
        event_row(11, duplicate=1),
        event_row(12, precision="day"),
        event_row(13, type="enforcement.reversed"),
        event_row(14, event_time=T0 + MINUTE_MS),
        event_row(15, event_time=T0 - 15 * MINUTE_MS),
        event_row(16, event_time=T0 - 14 * MINUTE_MS),
        event_row(17, data='{"market":"DE","policy_id":"p7","reviewer_type":"MODEL"}'),
        event_row(18, data='{"market":"DE","reviewer_type":"HUMAN"}'),
    ]
    await site.store.write("events", others)
    text = html.unescape(await site.page("/alerts/alert-1"))
    found = re.search(r'<pre class="code">(SELECT.*?)</pre>', text, re.DOTALL)
    assert found is not None
    client = await _client(clickhouse)
    result = await client.query(found[1])
    await client.close()
    assert [row[1] for row in result.result_rows] == ["event-16", "event-0", "event-1", "event-2"]
    assert re.findall(r"· (event-\d+)</span>", text) == ["event-16", "event-0", "event-1", "event-2"]


async def _client(address: Any) -> Any:
    from sinks.store.connection import open_client

    return await open_client(address)


EXPLAINED = {
    "text": "Probably model (strong): m1 was released.",
    "onset": "2026-03-06T17:40:00Z",
    "slices": {
        "dimensions": ["model_version"],
        "causes": [
            {
                "slice": {"model_version": "2"},
                "share": 0.83,
                "risk_ratio": 5.2,
                "score": 3.0,
                "words": "without it −83 %",
            }
        ],
        "alternatives": [{"slice": {"queue_id": ""}, "share": 0.4, "risk_ratio": None, "score": 1.0}],
        "none": False,
        "rate": 197.0,
    },
    "verdict": {
        "verdict": "INSUFFICIENT_EVIDENCE",
        "strength": "strong",
        "for": ["m1 was released 20 min before"],
        "against": ["no campaign"],
        "runner_up": "POLICY",
    },
    "facts": {"beside": [["POLICY", "p7"]], "unforeseen": {"deep": [1, {"er": None}]}},
}


async def test_an_explanation_is_shown_in_parts_and_whole(site: Site) -> None:
    await site.store.write("alerts", [alert_row(1, explanation=json.dumps(EXPLAINED))])
    text = await site.page("/alerts/alert-1")
    plain = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
    for part in (
        "Probably model (strong): m1 was released.",
        "since 2026-03-06 17:40 UTC",
        "model_version = 2",
        "83 % of the change, 5.2 times the rate of the rest",
        "queue_id = unknown",
        "Insufficient evidence (strong) · else policy",
        "m1 was released 20 min before",
        "no campaign",
        "unforeseen",
    ):
        assert part in plain


ANOMALOUS = ("null", "rubbish", "[]", "[[1]]", "3", '"<b>"', ('{"slices": 3, "verdict": [1], "causes": [1, {"slice": '
    '[]}]}'), "[" * 5000,
       ('{"onset": "never", "verdict": {"for": {"a": 1}, "verdict": {"b": "<i>"}}, "slices": {"causes": {"a": 1}, '
       '"none": true}}'),
       '{"slices": {"causes": [{"slice": {"a": {"b": "<i>"}}, "share": 1e999, "risk_ratio": NaN}]}}')  # fmt: skip


@pytest.mark.parametrize("explanation", ANOMALOUS)
async def test_an_odd_explanation_breaks_no_page(site: Site, explanation: str) -> None:
    await site.store.write("alerts", [alert_row(1, explanation=explanation)])
    page = Page(await site.page("/alerts/alert-1"))
    assert page.inline == []
    assert "i" not in page.tags


async def test_a_gap_has_a_page_without_numbers(site: Site) -> None:
    gap = {
        "direction": "MISSING",
        "kind": "REPORTING_GAP",
        "series": {},
        "observed": None,
        "expected": None,
        "score": None,
        "scan_buckets": 1,
        "scan_observed": None,
        "scan_expected": None,
        "window_end": T0 + 5 * MINUTE_MS,
    }
    await site.store.write("alerts", [alert_row(1, **gap)])
    text = await site.page("/alerts/alert-1")
    assert "everything: nothing came, since 2026-03-06 18:00 UTC" in text
    assert "A gap has no values to draw" in text
    assert "that is the gap" in text


async def test_a_configuration_that_is_not_known_selects_nothing(site: Site) -> None:
    await site.store.write("alerts", [alert_row(1, config_hash="other")])
    text = await site.page("/alerts/alert-1")
    assert "its events cannot be selected" in text
    assert "owner: team-policy" in text, "owners are those of now"


async def test_cases_and_one_case(site: Site) -> None:
    await site.fill()
    await site.store.write("case_candidates", [case_row(2, ended_at=T0 + HOUR_MS, severity="info", title="Another")])
    assert Page(await site.page("/cases?view=list")).rows == ["/cases/case-1", "/cases/case-2"]
    assert Page(await site.page("/cases")).rows == ["/cases/case-2", "/cases/case-1"], "by state"
    assert Page(await site.page("/cases?state=ended")).rows == ["/cases/case-2"]
    assert Page(await site.page("/cases?slice=another&severity=info&monitor=measures")).rows == ["/cases/case-2"]
    text = await site.page("/cases/case-1")
    assert Page(text).rows == ["/incidents/incident-1", "/alerts/alert-1", "/alerts/alert-2", "/library/old-1"]
    assert "same: policy p7" in text
    assert "playbook enforcement@1 solved" in text
    assert text.count("<svg") == 1
    assert "change-50" in text
    assert "is over" in text
    async with site.http.get(f"{site.url}/cases/case-1/evidence.json") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="evidence-case-1.json"'
        assert json.loads(await answer.read())["series"][0]["monitor"] == "measures"


@pytest.mark.parametrize(
    "evidence", ["", "rubbish", "[]", '{"series": [{"points": [[1, 2]]}], "monitors": 3}', "[" * 5000]
)
async def test_odd_evidence_breaks_no_page(site: Site, evidence: str) -> None:
    fires = alert_row(1, case_id="case-1")
    await site.store.write("alerts", [fires])
    await site.store.write("case_candidates", [case_row(1, [fires], evidence=evidence)])
    for path in ("/cases/case-1", "/alerts/alert-1"):
        await site.page(path)


async def test_an_entity_is_one_time_line_and_leads_to_its_alerts(site: Site) -> None:
    shop = "shop-<b>1"
    body = {"action_id": "ea-1", "shop_id": shop, "action_type": "WARNING"}
    back = {"action_id": "ea-1", "reason": "MODEL_ERROR"}
    await site.store.write(
        "events",
        [
            event_row(70, type="enforcement.action", data=json.dumps(body)),
            event_row(71, type="enforcement.reversed", data=json.dumps(back)),
            event_row(72, type="enforcement.action", data=json.dumps(body | {"action_id": "ea-2", "shop_id": "other"})),
        ],
    )
    await site.store.write("alerts", [alert_row(3, alert_id="alert-3", series={"shop_id": shop})])
    page = await site.page(f"/entity/{quote(shop)}")
    assert "MODEL_ERROR" in page
    assert "/alerts/alert-3" in Page(page).links
    assert "/entity/ea-1" in Page(page).links
    assert "ea-2" not in page
    assert "b" not in Page(page.partition("<h1>")[2].partition("</h1>")[0]).tags


async def test_a_cut_live_has_its_harm_and_it_is_credited_back_when_overturned(site: Site) -> None:
    cut = {"action_id": "cut-1", "shop_id": "shop-7", "subject_type": "ROOM", "subject_id": "room-7"}
    cut |= {"action_type": "LIVE_INTERRUPTED", "state": "ENFORCED", "informed_at": format_ms(T0)}
    back = {"action_id": "cut-1", "reason": "MODEL_ERROR"}
    live = {"room_id": "room-7", "window_s": 60, "currency": "EUR"}
    rows = [
        event_row(
            500 + minute,
            topic="live.traffic",
            type="traffic.sample",
            key="room-7",
            weight=1,
            event_time=T0 + minute * MINUTE_MS,
            data=json.dumps(live | ({"ccu": 120, "gmv_minor": 500} if minute < 0 else {"ccu": 20, "gmv_minor": 0})),
        )
        for minute in range(-20, 40)
    ]
    await site.store.write("events", [event_row(80, data=json.dumps(cut), event_time=T0), *rows])
    for id_ in ("shop-7", "room-7", "cut-1"):
        text = await site.page(f"/entity/{id_}")
        assert "6,400 viewer minutes, 300.00 EUR" in text, id_  # 60 x 120 less 40 x 20, and 60 x 5 EUR
        assert "credited back" not in text
    await site.store.write(
        "events", [event_row(81, type="enforcement.reversed", data=json.dumps(back), event_time=T0 + 30 * MINUTE_MS)]
    )
    text = await site.page("/entity/shop-7")
    assert "3,000 viewer minutes, 150.00 EUR; credited back, since 1 was overturned: 3,000 viewer minutes" in text


async def test_the_radar_shows_the_newest_day_jumps_first(site: Site) -> None:
    none = {
        "estimate": None,
        "low": None,
        "high": None,
        "maturity": None,
        "jump": None,
        "note": "too few: see everything",
    }
    sure = {"estimate": 40.0, "low": 30.0, "high": 52.0, "maturity": 0.7, "jump": None, "note": ""}
    rows = [
        {"cell": "old", **sure, "day": T0 - DAY_MS},
        {"cell": "usual", **sure},
        {"cell": f"worse {HOSTILE}", **sure, "jump": 1.8, "note": "JUMP ×1.8 per measure"},
        {"cell": "small", **none},
        {"cell": "deep", **sure, "depth": 4},
    ]
    usual = {"day": T0, "version": 1, "depth": 2, "measures": 900, "appealed": 50, "reversed": 20, "reading": "{}"}
    await site.store.write("misjudgement_readings", [usual | row for row in rows])
    text = await site.page("/misjudgement")
    assert text.index("worse") < text.index("usual") < text.index("small")
    assert "40 of 900 wrong (30 to 52), 4.4%" in text
    assert "JUMP ×1.8" in text
    assert "too few: see everything" in text
    assert "<b>old</b>" not in text
    assert "<b>deep</b>" not in text
    assert "<b>deep</b>" in await site.page("/misjudgement?depth=5")


async def test_a_cell_has_its_days_and_the_alerts_about_it_or_a_part_of_it(site: Site) -> None:
    sure = {"estimate": 40.0, "low": 30.0, "high": 52.0, "maturity": 0.7, "jump": None, "note": "", "version": 1}
    sure |= {"depth": 2, "measures": 900, "appealed": 50, "reversed": 20, "cell": "policy p7 · market DE"}
    reading = json.dumps({"cell": {"policy": "p7", "market": "DE"}})
    days = [sure | {"day": T0 - number * DAY_MS, "reading": reading, "measures": 900 + number} for number in range(3)]
    await site.store.write("misjudgement_readings", days)
    part = {"policy_id": "p7", "market": "DE", "model": "m 2"}
    rows = [alert_row(1, series=part), alert_row(2, series={"policy_id": "p9"}), alert_row(3, series={"market": "DE"})]
    await site.store.write("alerts", [row | {"monitor": "misjudgement"} for row in rows])
    shown = Page(await site.page(f"/misjudgement/cell?cell={quote('policy p7 · market DE')}"))
    assert [each for each in shown.links if each.startswith("/alerts/")] == ["/alerts/alert-1", "/alerts/alert-3"]
    listed = await site.page("/misjudgement")
    assert f"/misjudgement/cell?cell={quote('policy p7 · market DE', safe='')}" in listed.replace("+", "%20")
    assert (await site.get("/misjudgement/cell?cell=nobody"))[0] == 404
    assert (await site.get("/misjudgement/cell"))[0] == 400


async def test_the_blast_radius_of_a_case_leads_to_a_blind_review_and_back(working: Site) -> None:
    for number, reversal in ((90, ""), (91, ""), (92, "MODEL_ERROR")):
        body = {"action_id": f"b{number}", "market": "DE", "policy_id": "p7", "shop_id": "=shop-9", "rule_id": "r1"}
        await working.store.write("events", [event_row(number, data=json.dumps(body | {"subject_id": "room-4"}))])
        if reversal:
            back = json.dumps({"action_id": f"b{number}", "reason": reversal})
            await working.store.write("events", [event_row(200, type="enforcement.reversed", data=back)])
    assert "/cases/case-1/blast-radius" in Page(await working.page("/cases/case-1")).links
    text = await working.page("/cases/case-1/blast-radius")
    assert "/cases/case-1" in Page(text).links
    assert "<b>6</b> sibling measures" in text  # the three of `fill`, and these
    assert "1 proactive correction" in text
    assert "b92" not in text
    narrowed = await working.page("/cases/case-1/blast-radius?rule_id=r1")
    assert "<b>3</b> sibling measures of <b>1</b> shops" in narrowed
    status, file = await working.get("/cases/case-1/blast-radius.csv?rule_id=r1")
    lines = file.splitlines()
    assert (status, lines[0], len(lines)) == (200, "number,action_id,shop_id,subject_id,verdict", 3)
    assert "'=shop-9" in lines[1]

    first = re.findall(r'name="measure_id" value="([^"]+)"', await working.page("/cases/case-1/review"))
    queue = await working.page("/cases/case-1/review")
    assert "WARNING" not in queue
    assert "p7" not in re.sub(r"<header>.*?</header>", "", queue, flags=re.DOTALL)
    csrf = re.findall(r'name="csrf" value="([^"]+)"', queue)[0]
    form = {"csrf": csrf, "measure_id": first[0], "verdict": "WRONG"}
    async with working.http.post(working.url + "/cases/case-1/review", data=form, allow_redirects=False) as answer:
        assert answer.headers["Location"].startswith("/cases/case-1/review?answer=")
    assert first[0] not in re.findall(r'name="measure_id" value="([^"]+)"', await working.page("/cases/case-1/review"))
    assert "1 reviewed in order, 1 of them wrong" in await working.page("/cases/case-1/blast-radius")


async def test_changes_by_day_with_a_timeline(site: Site) -> None:
    await site.fill()
    await site.store.write("events", [change_row(60, T0 - 20 * 24 * HOUR_MS, kind="CAMPAIGN", target="sale")])
    text = await site.page("/changes")
    assert "2 platform changes" in text
    assert "Fri 6 Mar 2026" in text
    assert text.count('<g class="change">') == 2
    assert "sale" in await site.page("/changes?kind=CAMPAIGN&from=2026-01-01")
    assert "change-51" not in await site.page("/changes?text=M1")


async def test_dead_letters_by_reason_and_one_of_them(site: Site) -> None:
    await site.store.write("dead_letters", [dead_row(n, value=b"\x00\xff<b>\x1b[31m") for n in range(60)])
    await site.store.write("dead_letters", [dead_row(99, reason="contract", value=b"")])
    text = await site.page("/dead-letters?reason=broken_json")
    assert len(Page(text).rows) == 50
    assert "60 records set aside" in text
    assert "/dead-letters?reason=broken_json&page=2" in Page(text).links
    one = await site.page("/dead-letters/live.enforcement/1/7")
    assert "\\x00\\xff&lt;b&gt;\\x1b[31m" in one
    assert "00 ff 3c 62 3e 1b 5b 33 31 6d" in one
    assert "\x00" not in one
    assert "empty" in await site.page("/dead-letters/live.enforcement/1/99")


@pytest.mark.parametrize("recorded_at", [2**61, 253_402_300_800_000, 253_402_300_799_999, 1_772_820_000_000_000, 0])
async def test_a_dead_letter_of_any_time_is_shown(site: Site, recorded_at: int) -> None:
    await site.store.write("dead_letters", [dead_row(7, recorded_at=recorded_at)])
    assert "1 record set aside" in await site.page("/dead-letters")
    assert exactly(recorded_at) in await site.page("/dead-letters/live.enforcement/1/7")


async def test_health_names_fields_that_no_contract_knows_and_counts_conflicts(site: Site) -> None:
    await site.fill()
    rows = [event_row(900 + n, unknown_fields=["colour<b>"], event_time=T0 + n) for n in range(3)]
    await site.store.write("events", [*rows, event_row(910, duplicate=1, conflict=1)])
    text = await site.page("/health")
    assert '<td>enforcement.action</td><td>colour&lt;b&gt;</td><td class="n">3</td>' in text
    assert "in conflict" in text
    assert '<td class="n bad">1</td>' in text


async def test_health_says_how_far_each_partition_is(site: Site) -> None:
    await site.fill()
    await site.store.write("events", [event_row(70, late=1), event_row(71, duplicate=1)])
    await site.store.save(Checkpoint("respond", "livewarden.response", 0, 7, T0 + 400 * DAY_MS, "{}"))  # by the clock
    text = await site.page("/health")
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "Judged up to 2026-03-06 18:05 UTC , 55 min behind the clock" in plain
    assert "ingest live.enforcement 1 – 2026-03-06 17:00 1 h 6 min 90 –" in plain
    assert "2026-03-06 18:00 5 9 1 1" in plain
    assert "live.changes 2 0 0" in plain


async def test_health_says_what_the_workers_say_of_themselves(site: Site) -> None:
    await site.fill()
    now = T0 + HOUR_MS
    place = {"topic": "live.enforcement", "partition": 1, "log_end": 120, "next_offset": 90}
    await site.store.write("log_positions", [place | {"unread_seconds": 75.0, "seen_at": now - 20_000}])
    worker = {"why_not_ready": "", "ingest": 4, "detect": 2, "respond": 1, "clock_skew_seconds": -3_600.0}
    gone = {"worker": "host-2", "seen_at": now - HOUR_MS, "clock_skew_seconds": None}
    await site.store.write("workers", [worker | {"worker": "host-1", "seen_at": now - 9_000}, worker | gone])
    alert = {"kind": "canary_late", "about": "canary", "severity": "critical", "title": "The canary does not arrive"}
    alert |= {"alert_id": "1", "body": "for 180 s", "status": "firing", "since": now - 60_000, "worker": "host-1"}
    await site.store.write("health_alerts", [alert | {"seen_at": now - 9_000}])
    await site.store.write("canaries", [{"sent_at": now - 200_000, "arrived_at": now - 198_500, "seconds": 1.5}])
    lost = {"reason": "lost_unread", "headers": '{"livewarden_lost":"20"}', "recorded_at": 0}
    await site.store.write("dead_letters", [dead_row(40, **lost), dead_row(41, reason="future", recorded_at=now - 7)])
    plain = " ".join(re.sub(r"<[^>]+>", " ", await site.page("/health")).split())
    assert "ingest live.enforcement 1 30 1 min 15 s 2026-03-06 17:00" in plain
    assert "host-1 ready 3,600 s behind 4 2 1" in plain
    assert "host-2 gone – 4 2 1" in plain
    assert "lasts The canary does not arrive for 180 s" in plain
    assert "arrived after 1.5 s" in plain
    assert "live.enforcement 1 40 59 20" in plain
    assert "live.enforcement future 1 1" in plain


async def test_health_shows_a_watermark_that_stands_in_the_future(site: Site) -> None:
    await site.fill()
    ahead = T0 + HOUR_MS + 400 * DAY_MS
    await site.store.save(Checkpoint("ingest", "live.traffic", 3, 7, ahead, "{}"))
    plain = " ".join(re.sub(r"<[^>]+>", " ", await site.page("/health")).split())
    assert "live.traffic 3 – 2027-04-10 19:00 , in the future: all events are late" in plain
    assert "ingest live.enforcement 1 – 2026-03-06 17:00 1 h 6 min" in plain  # and it is nobody's furthest


@pytest.mark.parametrize("clickhouse_server", [*SERVERS, NODES], indirect=True)
async def test_the_load_says_how_long_cases_stay_in_a_state_open_ones_too(site: Site) -> None:
    first = history_row(1, case_id="a", what="created", from_state="", to_state="candidate", at=T0 - 40 * MINUTE_MS)
    then = history_row(2, case_id="a", at=T0 - 10 * MINUTE_MS)
    noted = history_row(3, case_id="a", what="noted", from_state="open", at=T0)
    other = first | {"case_id": "b", "at": T0}
    await site.store.write("case_history", [first, then, noted, other])
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", (await site.page("/load")).partition("Time in each state")[2])
    assert cells == ["candidate", "2", "1", "30 min", "not yet", "30 min", "open", "1", "1", "not yet", "not yet", "–"]


async def test_script_and_sql_in_any_field_come_out_as_text(site: Site) -> None:
    series = {"market": HOSTILE, "policy_id": HOSTILE}
    text = {"kind": HOSTILE, "severity": HOSTILE, "status": HOSTILE, "monitor": HOSTILE}
    explanation = json.dumps(
        {
            "text": HOSTILE,
            "verdict": {"verdict": HOSTILE, "for": [HOSTILE]},
            HOSTILE: {HOSTILE: HOSTILE},
            "causes": [{"slice": {HOSTILE: HOSTILE}, "words": HOSTILE}],
        }
    )
    fires = alert_row(1, **text, series=series, case_id="case-1", explanation=explanation)
    again = alert_row(2, **text, series=series, suppressed_by=HOSTILE)
    await site.store.write("alerts", [fires, again])
    await site.store.write("incidents", [incident_row(1)])
    monitor = {"title": HOSTILE, "event": "enforcement.action", "precision": "minute", "where": {HOSTILE: [HOSTILE]},
               "owner": HOSTILE, "playbook": "javascript:alert(1)//" + HOSTILE}  # fmt: skip
    evidence = json.dumps(
        {
            "monitors": {HOSTILE: monitor},
            "series": [{"monitor": HOSTILE, "series": series, "points": [["2026-03-06T18:00:00Z", 1, 2, 3]]}],
        }
    )
    anomalous = {"title": HOSTILE, "status": HOSTILE, "grouping": HOSTILE, "kind": HOSTILE, "severity": HOSTILE}
    await site.store.write(
        "case_candidates", [case_row(1, [fires], **anomalous, monitors=[HOSTILE], series=[series], evidence=evidence)]
    )
    notified = dict.fromkeys(
        ("change_id", "kind", "phase", "target", "from_version", "to_version", "owner_team"), HOSTILE
    )
    change = change_row(50, T0, **notified, scope={"markets": [HOSTILE], "action_types": [HOSTILE], "percent": 1})
    data = json.dumps({HOSTILE: HOSTILE, "market": HOSTILE, "policy_id": HOSTILE})
    await site.store.write("events", [change, event_row(1, data=data, event_id=HOSTILE, key=HOSTILE)])
    dead = {"reason": HOSTILE, "detail": HOSTILE, "key": HOSTILE, "value": HOSTILE.encode()}
    await site.store.write("dead_letters", [dead_row(7, **dead, headers=json.dumps({HOSTILE: HOSTILE}))])
    await site.store.write("dead_letters", [dead_row(8, headers=HOSTILE)])
    await site.store.write("library_entries", [library_row(each, HOSTILE, T0) for each in ENTRIES])
    paths = [*LISTS, *ONE, "/dead-letters/live.enforcement/1/8", "/alerts?suppressed=yes", "/alerts?from=2026-01-01"]
    quiet = ("/health", "/load", "/misjudgement", "/silences", "/actions", "/cases/case-1/review")
    for path in paths:
        status, found = await site.get(path)
        assert status == 200, path
        page = Page(found)
        assert page.inline == [], path
        assert "img" not in page.tags, path
        assert "{{ 7" in found or path in quiet, path
        assert [link for link in page.links if not link.startswith(("/", "#", "https:"))] == [], path
    for value in (HOSTILE, "<script>"):
        async with site.http.get(site.url + "/alerts", params={"slice": value}) as answer:
            assert Page(await answer.text()).inline == []
        async with site.http.get(site.url + "/alerts", params={"severity": value}) as answer:
            assert answer.status == 400
            assert Page(await answer.text()).inline == []
    assert len(Page(await site.page("/alerts?suppressed=yes")).rows) == 2, "the tables are still there"


def _hostile(row: dict[str, Any], *kept: str) -> dict[str, Any]:
    """A row with the hostile text in each of its texts but those in `kept`."""
    notified = {name: HOSTILE for name, value in row.items() if isinstance(value, str) and name not in kept}
    return (
        row
        | notified
        | {name: [HOSTILE] for name, value in row.items() if isinstance(value, list) and name not in kept}
    )


@pytest.mark.parametrize("clickhouse_server", [*SERVERS, NODES], indirect=True)
async def test_script_and_sql_in_any_field_of_the_work_come_out_as_text(working: Site) -> None:
    site = working
    items = {
        "tasks": json.dumps(
            [
                {"id": HOSTILE, "text": HOSTILE, "owner": HOSTILE, "due_at": HOSTILE, "done_by": None},
                {"text": [HOSTILE], "id": {HOSTILE: 1}},
            ]
        ),
        "links": json.dumps(
            [
                {"kind": kind, "ref": ref, "by": HOSTILE}
                for kind in ("url", "case", "ticket", HOSTILE)
                for ref in (HOSTILE, "javascript:alert(1)//")
            ]
        ),
        "evidence": json.dumps([{"name": HOSTILE, "digest": HOSTILE, "size": HOSTILE}]),
    }
    anomalous = {"owner": HOSTILE, "escalated_to": HOSTILE, "merged_into": HOSTILE}
    await site.store.write("cases", [_hostile(work_row(1, version=9), "case_id", *items) | items | anomalous])
    await site.store.write(
        "cases",
        [
            _hostile(work_row(2), "case_id", "state") | anomalous,
            work_row(3, tasks="[" * 5000, links="3", evidence="{}"),
        ],
    )
    people = {"acknowledged_by": HOSTILE, "acknowledged_at": T0, "resolved_by": HOSTILE}
    for number, kept in ((1, ("incident_id", "lead_alert_id", "case_ids")), (2, ("incident_id", "status"))):
        await site.store.write("incidents", [_hostile(incident_row(number, version=9), *kept) | people])
    for table, row, keep in (
        ("dispositions", disposition_row(1, version=9), ("alert_id", "incident_id")),
        ("notifications", notification_row(1, version=9), ("notification_id", "incident_id")),
        (
            "notifications",
            notification_row(2, version=9, sent_at=None),
            ("notification_id", "incident_id", "state", "channel"),
        ),
        ("channels", channel_row(channel=HOSTILE), ("state",)),
        ("silences", silence_row(1, version=9), ("silence_id",)),
        ("case_history", history_row(1), ("case_id",)),
        ("actions", action_row(1), ("action_id", "target")),
        ("actions", action_row(3), ("action_id",)),
        ("feedback", feedback_row(1, version=9), ("alert_id",)),
    ):
        await site.store.write(table, [_hostile(row, *keep)])
    paths = [
        *LISTS,
        *ONE,
        "/incidents/incident-2",
        "/cases/case-2",
        "/cases/case-3",
        "/cases?view=list",
        "/silences/new?incident=incident-1",
        "/cases/new?incident=incident-1",
        f"/incidents?answer={action_row(1)['action_id']}",
    ]
    for path in paths:
        status, found = await site.get(path)
        assert status == 200, path
        page = Page(found)
        assert page.inline == [], path
        assert "img" not in page.tags, path
        assert [link for link in page.links if not link.startswith(("/", "#", "https:"))] == [], path
        assert "{{ 7" in found, path


@pytest.mark.parametrize("clickhouse_server", [*SERVERS, NODES], indirect=True)
async def test_one_incident_on_one_page(working: Site) -> None:
    text = await working.page("/incidents/incident-1")
    plain = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
    for part in (
        "Measures taken · DE · p7",
        "Measures taken, DE · p7: 257 in 15 min, expected 60 (×4.3), in the 15 min before 2026-03-06 18:01 UTC",
        (
            "unacknowledged since 2026-03-06 18:00 UTC raised 2026-03-06 18:02 (58 min ago) 2 alerts, 1 firing owner: "
            "team-policy Playbook"
        ),
        "model release completed m1 1 → 2 DE 50 % models change-50 its alerts share this change",
        "2026-03-06 18:02 new pager default sent 2026-03-06 18:02 1",
        "1 muted by a wider slice · 1 somebody was notified",
        "muted by a wider slice: the wider slice DE was notified",
        "open · maria · overdue by 30 min",
        "maria acknowledge: maria has it.",
        "maria acknowledge: refused, joe has it.",
    ):
        assert part in plain, part
    assert text.count("<svg") == 1
    assert Page(text).rows == ["/alerts/alert-1", "/alerts/alert-2", "/cases/case-1"]
    assert 'name="expects" value="3"' in text


async def test_incidents_that_nobody_has_come_first(site: Site) -> None:
    await site.store.write(
        "incidents",
        [
            incident_row(1, status="resolved"),
            incident_row(2, status="acknowledged", acknowledged_by="Kim"),
            incident_row(3, severity="info", opened_at=T0 + HOUR_MS),
            incident_row(4, severity="info"),
            incident_row(5, monitors=["viewers"], notified_at=None, note="silenced: a test"),
        ],
    )
    text = await site.page("/incidents")
    assert Page(text).rows == [f"/incidents/incident-{n}" for n in (5, 3, 4, 2, 1)]
    assert "3 unacknowledged" in text
    assert "nobody was notified" in text
    for query, numbers in (
        ("status=resolved", [1]),
        ("text=KIM", [2]),
        ("monitor=viewers", [5]),
        ("severity=info&from=2026-03-06T18:30", [3]),
        ("last=1h", [3, 1, 2, 4, 5]),
    ):
        assert sorted(Page(await site.page(f"/incidents?{query}")).rows) == sorted(
            f"/incidents/incident-{n}" for n in numbers
        ), query


async def test_the_bare_address_leads_on_and_old_filters_still_hold(site: Site) -> None:
    for path, place in (("/", "/incidents"), ("/?severity=critical&last=24h", "/alerts?severity=critical&last=24h")):
        async with site.http.get(site.url + path, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (307, place)


async def test_an_alert_says_why_nobody_was_told(working: Site) -> None:
    plain = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", await working.page("/alerts/alert-2"))).split())
    assert (
        "not notified: muted by a wider slice the wider slice DE was notified by alert-1, 2026-03-06 18:02:00 UTC"
        in plain
    )
    assert "Incident: unacknowledged" in plain
    text = await working.page("/alerts/alert-1")
    assert "real and expected" in text
    assert 'action="/incidents/incident-1/acknowledge"' in text
    assert 'href="/silences/new?alert=alert-1"' in text
    assert Page(await working.page("/alerts?incident=incident-1")).rows == ["/alerts/alert-1", "/alerts/alert-2"]


async def test_the_board_and_a_case_that_is_worked_on(working: Site) -> None:
    states = ("candidate", "triage", "escalated", "resolved", "closed", "dismissed", "merged")
    await working.store.write(
        "cases", [work_row(n, state=state, overdue=0) for n, state in enumerate(states, start=10)]
    )
    await working.store.write("cases", [work_row(n, state="triage", owner=None, overdue=0) for n in range(30, 50)])
    await working.store.write("case_candidates", [case_row(60, title="Written before")])
    text = await working.page("/cases")
    assert "all 21 →" in text
    assert "overdue by 30 min" in text
    rows = Page(text).rows
    assert {"/cases/case-1", "/cases/case-12", "/cases/case-60"} < set(rows)
    assert not {"/cases/case-14", "/cases/case-15", "/cases/case-16"} & set(rows)
    assert Page(await working.page("/cases?state=merged")).rows == ["/cases/case-16"]
    assert Page(await working.page("/cases?overdue=yes&owner=maria")).rows == ["/cases/case-1"]
    plain = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", await working.page("/cases/case-1"))).split())
    for part in (
        "maria works on it overdue by 30 min",
        "tell the merchants kim",
        "ticket OPS-7 kim",
        "case-1.evidence.zip 12,345 bytes",
        "maria moved candidate → open looks real",
        "asked the team",
        "change-50",
        "Build evidence",
    ):
        assert part in plain, part
    old = await working.page("/cases/case-60")
    assert "cannot be worked on" in old
    assert 'action="/cases/case-60/' not in old
    async with working.http.get(f"{working.url}/cases/case-12/evidence.json") as answer:
        assert answer.status == 404


async def test_a_package_is_fetched_from_its_folder_alone(clickhouse: Address, tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "case-1.evidence.zip").write_bytes(b"PK")
    (folder / "other.evidence.zip").write_bytes(b"PK of another case")
    (folder / "plain.txt").write_bytes(b"no package")
    (folder / "leads.evidence.zip").symlink_to("/etc/hostname")
    (tmp_path / "secret.evidence.zip").write_bytes(b"secret")
    names = [
        "case-1.evidence.zip",
        "plain.txt",
        "leads.evidence.zip",
        "gone.evidence.zip",
        "../secret.evidence.zip",
        "..",
        str(tmp_path / "secret.evidence.zip"),
    ]
    packed = json.dumps([{"name": name, "digest": "ab" * 32, "size": 2} for name in names])
    async with site_over(clickhouse, acts=True, packages=folder) as site:
        await site.store.write("cases", [work_row(1, evidence=packed), work_row(2)])
        text = await site.page("/cases/case-1")
        assert re.findall(r'href="(/cases/case-1/evidence/[^"]+)"', text) == [
            "/cases/case-1/evidence/case-1.evidence.zip"
        ]
        async with site.http.get(f"{site.url}/cases/case-1/evidence/case-1.evidence.zip") as answer:
            assert await answer.read() == b"PK"
            assert answer.headers["Content-Disposition"] == 'attachment; filename="case-1.evidence.zip"'
        for name in (
            *names[1:],
            "other.evidence.zip",
            "..%2Fsecret.evidence.zip",
            "%2e%2e%2fsecret.evidence.zip",
            "%00.evidence.zip",
        ):
            async with site.http.get(URL(f"{site.url}/cases/case-1/evidence/{name}", encoded=True)) as answer:
                assert answer.status == 404, name
        assert (await site.get("/cases/none/evidence/case-1.evidence.zip"))[0] == 404


async def test_a_channel_that_is_down_is_said_on_every_page(working: Site) -> None:
    for path in (*LISTS, *ONE):
        assert "pager takes no notifications" in await working.page(path), path
    await working.store.write("channels", [channel_row(version=5, state="up")])
    for path in (*LISTS, *ONE):
        assert "takes no notifications" not in await working.page(path), path


async def test_silences_by_phase_and_a_form_filled_in(working: Site) -> None:
    text = await working.page("/silences")
    assert [text.index(f"<h2>{name}</h2>") for name in ("Active", "Coming", "Past")] == sorted(
        text.index(f"<h2>{name}</h2>") for name in ("Active", "Coming", "Past")
    )
    assert text.count("End it now") == 2
    assert (await working.page("/silences?phase=past")).count('class="card quiet"') == 1
    for query in ("alert=alert-1", "incident=incident-1"):
        form = await working.page(f"/silences/new?{query}")
        assert "monitor=measures\nmarket=DE\npolicy_id=p7</textarea>" in form
        assert 'value="2026-03-06T19:00"' in form
        assert 'value="2026-03-06T21:00"' in form
    assert (await working.get("/silences/new?alert=none"))[0] == 404
    assert (await working.get("/silences/new?incident=none"))[0] == 404


async def test_the_audit_has_every_action(working: Site) -> None:
    text = await working.page("/actions?who=maria&outcome=refused")
    assert "1 action" in text
    assert "joe has it." in text
    assert (await working.get("/actions?do=nonsense"))[0] == 400


async def test_nothing_comes_from_elsewhere(site: Site) -> None:
    await site.fill()
    for path in (*LISTS, *ONE):
        text = await site.page(path)
        sources = re.findall(r'(?:src|href|action)="([^"]*)"', text)
        assert [each for each in sources if "//" in each and not each.startswith("https://example.org/")] == []
        for static in re.findall(r'"(/static/[^"]+)"', text):
            status, _ = await site.get(static)
            assert status == 200


async def test_a_page_stays_small_whatever_is_stored(site: Site) -> None:
    big = {"market": "DE" * 200, "policy_id": "p" * 200}
    fires = [
        alert_row(n, series=big, case_id="case-1", explanation=json.dumps({"a": ["x" * 300] * 3000}))
        for n in range(300)
    ]
    await site.store.write("alerts", fires)
    await site.store.write("judgements", [judgement_row(m, series=big, observed=12345.678) for m in range(-400, 400)])
    await site.store.save(POSITIONS[0])
    await site.store.write("events", [change_row(1000 + n, T0 + n) for n in range(200)])
    points = [[format_ms(T0 + n * MINUTE_MS), 1234.5678, 2.0, 3.0] for n in range(240)]
    evidence = {"series": [{"monitor": "measures", "series": {"market": str(n)}, "points": points} for n in range(100)]}
    await site.store.write("case_candidates", [case_row(1, fires, evidence=json.dumps(evidence))])
    await site.store.write(
        "events",
        [
            event_row(
                n,
                data=json.dumps(
                    {
                        "market": big["market"],
                        "policy_id": big["policy_id"],
                        "reviewer_type": "HUMAN",
                        "note": "n" * 20_000,
                    }
                ),
            )
            for n in range(60)
        ],
    )
    await site.store.write("dead_letters", [dead_row(7, value=b"\x00" * 900_000, detail="d" * 5000, key="k" * 5000)])
    title = "x" * 300
    await site.store.write("incidents", [incident_row(1, title=title, alert_count=300, note="n" * 5000)])
    await site.store.write("dispositions", [disposition_row(n, reason="r" * 2000) for n in range(300)])
    await site.store.write("notifications", [notification_row(n, error="e" * 5000) for n in range(300)])
    await site.store.write("cases", [work_row(n, title=title, reason="r" * 2000) for n in range(1, 300)])
    await site.store.write("case_history", [history_row(n, why="w" * 100) for n in range(1, 500)])
    await site.store.write(
        "actions", [action_row(n, answer="a" * 2000, data=json.dumps({"why": "w" * 9000})) for n in range(300)]
    )
    await site.store.write("silences", [silence_row(n, reason="r" * 2000) for n in range(300)])
    long = {"title": title, "summary": "s" * 4000, "rationale": "r" * 4000}
    old = [ENTRIES[0].model_copy(update=long | {"entry_id": f"old-{n}"}) for n in range(1, 300)]
    await site.store.write("library_entries", [library_row(each, "kim", T0) for each in old])
    for path in (*LISTS, *ONE):
        text = await site.page(path)
        assert len(text.encode()) < 205_000, path


async def test_a_row_of_an_incident_has_its_market_and_its_series_as_a_line(site: Site) -> None:
    await site.fill()
    text = await site.page("/incidents")
    (row,) = re.findall(r'href="/incidents/incident-1".*?</a>', text, re.DOTALL)
    (line,) = re.findall(r'<svg class="spark".*?</svg>', row, re.DOTALL)
    assert len(re.findall(r'class="(?:expected|observed)" d="M[\d.]+ [\d.]+', line)) == 2
    assert 'aria-label="' in line
    assert re.search(r'<span class="badge">[A-Z]{2}</span>', row)
