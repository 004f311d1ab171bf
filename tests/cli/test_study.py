"""The study of an alert: from a run and its recording, and from what is live."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cli import main
from cli.study import Asked, of_live
from livewarden.errors import SetupError
from livewarden.matcher import Matcher
from livewarden.times import MINUTE_MS
from sinks.report.page import html, markdown
from sinks.report.study import study
from sinks.store.clickhouse import ClickHouseStore
from sinks.store.connection import Address
from sinks.store.reader import Reader
from sources.recordings import shipped
from tests.console_fixtures import HOSTILE, T0, alert_row, change_row, event_row, judgement_row
from tests.core_fixtures import monitor

PRODUCTS = ["--from", "2025-03-31", "--to", "2025-04-01", "--where", "monitor=product-actions"]
APRIL = ["--from", "2025-04-08", "--to", "2025-04-09"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first half of 2025 of the shipped recording, and a replay of it."""
    folder = tmp_path_factory.mktemp("study")
    lines = gzip.decompress(shipped().read_bytes()).splitlines(keepends=True)
    (folder / "r.jsonl").write_bytes(b"".join(line for line in lines if re.search(rb'"time":"2025-0[1-4]', line)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LIVEWARDEN_PARTITIONS", "1")
        assert main(["replay", "r.jsonl", "--out", "run"]) == 0
    return folder


@pytest.fixture(autouse=True)
def elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LIVEWARDEN_PARTITIONS", "1")


def test_a_study_of_a_run_says_what_and_what_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["report", "study", "--run", "run", *APRIL]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# Case study: Shops closed for good · TikTok · SHOP_CLOSED_PERMANENT: 240,043 in 1 day")
    for said in (
        "The cause: the evidence does not suffice for a verdict.",
        "no change is in the ledger from 2025-04-05 00:00 UTC",
        "livewarden replay r.jsonl --out AGAIN",
        "FROM events FINAL PREWHERE type = 'enforcement.action'",
        "| 2025-04-15 00:00 UTC | 7 d after |",
    ):
        assert said in text.replace("\\", ""), said
    assert main(["report", "study", "--run", "run", *PRODUCTS]) == 0
    products = capsys.readouterr().out
    assert "by action_type: VIDEO_PRODUCT_REMOVED 409, usual 24" in products
    assert "action_type PRODUCT_FROZEN is no part of it: 32, where a bucket had between 3 and 97 before." in products
    assert main(["report", "study", "--run", "run", *APRIL, "--json"]) == 0
    sections = {each["title"]: each for each in json.loads(capsys.readouterr().out)["sections"]}
    digests = dict(sections["How to get to the same"]["table"]["rows"])
    assert {len(each) for each in digests.values()} == {64}
    assert list(digests) == ["r.jsonl", "run/alerts.jsonl", "run/monitors.json"]


def test_the_page_needs_nothing_else_and_its_drawings_are_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "s.html"
    assert main(["report", "study", "--run", "run", *PRODUCTS, "--out", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"' >]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text
    assert not re.search(r"<(script|link|img|iframe)", text)
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 2
    titles = [ElementTree.fromstring(each).findtext("{http://www.w3.org/2000/svg}title") for each in drawings]
    assert titles == ["Measures against products · TikTok · VIDEO_PRODUCT_REMOVED", "by action_type"]


def test_the_run_of_the_study_gives_the_same_study_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = str(tmp_path / "again")
    assert main(["replay", "r.jsonl", "--out", again]) == 0
    capsys.readouterr()
    texts = []
    for run in ("run", again):
        assert main(["report", "study", "--run", run, *APRIL, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        texts.append([each for each in found["sections"] if each["title"] != "How to get to the same"])
    assert texts[0] == texts[1]


WRONG = {
    "nothing is asked for": ([], "say which alert"),
    "both": (["--alert", "a", *APRIL], "say which alert"),
    "no such alert": (["--run", "run", "--alert", "ffffffffff"], "no alert begin so"),
    "an ambiguous one": (["--run", "run", "--alert", ""], "alerts begin so"),
    "no alert of that time": (["--run", "run", "--from", "2031-01-01"], "no alert of that time"),
    "no condition": (["--run", "run", "--where", "market"], "--where: 'market' is no condition"),
    "no run": (["--run", "nowhere", *APRIL], "nowhere/alerts.jsonl"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_line(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, expected = WRONG[what]
    assert main(["report", "study", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert expected in err


@pytest.mark.clickhouse
async def test_a_study_of_what_is_live_shows_what_people_wrote_as_text(clickhouse: Address) -> None:
    """A policy whose name is markup, in slices inside the series; a change; alerts of the same time."""
    asked = monitor(group_by=["market"], explain_by=["policy_id"])
    described: dict[str, Any] = asked.model_dump(mode="json") | {"config_hash": "c0ffee"}
    series = {"market": "DE"}
    hostile = [
        event_row(
            n,
            event_time=T0 + n % 3 * 10_000,
            data=json.dumps({"action_id": f"a{n}", "market": "DE", "policy_id": HOSTILE[:200], "shop_id": "s1"}),
        )
        for n in range(12)
    ]
    store = await ClickHouseStore.connect(*dataclasses.astuple(clickhouse))
    rows = [alert_row(series=series, scan_buckets=1), alert_row(2, series={"market": "IT"})]
    await store.write("alerts", rows)
    await store.write("judgements", [judgement_row(minute, series=series) for minute in range(-20, 3)])
    await store.write(
        "events",
        [
            *hostile,
            event_row(50, event_time=T0 - 9 * MINUTE_MS),
            change_row(60, T0 - MINUTE_MS, starts_at="2026-03-06T18:59:00Z"),
        ],
    )
    await store.close()
    by_time = Asked(None, T0, T0 + MINUTE_MS, [Matcher.parse("market=DE")])
    async with await Reader.connect(*dataclasses.astuple(clickhouse)) as reader:
        facts = await of_live(reader, by_time, {"measures": described})
        with pytest.raises(SetupError, match="configured otherwise by now"):
            await of_live(reader, by_time, {"measures": described | {"config_hash": "other"}})
    assert [(each.value == HOSTILE[:200], each.now) for each in facts.slices if each.inside] == [(True, 12), (False, 0)]
    assert facts.hit["shop_id"] == (1, [("s1", 12)])
    assert [each.at for each in facts.changes] == [T0 - MINUTE_MS]
    assert [each.alert_id for each in facts.others] == ["alert-2"]
    report = study(facts)
    assert "<script" not in html(report)
    assert not re.search(r"(?<!\\)<script", markdown(report))
    assert "&lt;script" in html(report)
