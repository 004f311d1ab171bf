"""`livewarden article` and `livewarden recommend` over a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from livewarden.clock import SystemClock
from livewarden.library_entry import LibraryEntry
from livewarden.times import DAY_MS, format_ms
from models.library.stored import library_row
from tests.cli.library_fixtures import Terminal, database, terminal
from tests.console_fixtures import T0, alert_row, change_row, event_row
from tests.evening_fixtures import case

__all__ = ["database", "terminal"]
pytestmark = pytest.mark.clickhouse

FAQ: Final = """---
id: why-warned
version: 1
kind: faq
owner: policy
policy: p7@7
review: 2099-01-31
---
# Why was I warned?
Because the price on the tag was not the price in the basket.
"""
NOW: Final = SystemClock().now_ms()


def closed(number: int, outcome: str = "solved", state: str = "closed") -> dict[str, Any]:
    link = {"kind": "playbook", "ref": "why-warned@1", "outcome": outcome, "by": "ana", "at": format_ms(NOW)}
    row = case(0, T0, state=state, resolution="FIXED", links=json.dumps([link]), alert_ids=[f"alert-{number}"])
    return row | {"case_id": f"case-{number}"}


async def test_an_faq_entry_is_published_when_five_cases_of_three_shops_support_it(
    terminal: Terminal, tmp_path: Path
) -> None:
    faq = tmp_path / "why-warned.md"
    faq.write_text(FAQ)
    body = '{{"action_id": "a{n}", "market": "DE", "policy_id": "p{n}", "shop_id": "s{shop}"}}'
    events = [event_row(n, weight=1, data=body.format(n=n, shop=n % 2)) for n in range(6)]
    await terminal.store.write("events", events)
    alerts = [alert_row(n, case_id=f"case-{n}", series={"policy_id": f"p{n}"}) for n in range(6)]
    await terminal.store.write("alerts", alerts)
    await terminal.store.write("cases", [*(closed(n) for n in range(4)), closed(5, state="merged")])
    said = await terminal.run("article", "publish", str(faq), code=1)
    assert "why-warned@1: 4 closed cases support it, 5 are needed" in said, "a merged case counts once"
    assert "why-warned@1: 2 shops are in them, 3 are needed" in said
    assert (await terminal.json("article", "list"))["articles"] == []

    third = event_row(9, weight=1, data=body.format(n=4, shop=9).replace("a4", "a99"))
    await terminal.store.write("events", [third])
    await terminal.store.write("cases", [closed(4), case(0, T0, state="closed", resolution="FIXED")])
    assert "1 published: why-warned@1" in await terminal.run("article", "publish", str(faq))
    assert "all were before" in await terminal.run("article", "publish", str(faq))
    faq.write_text(FAQ.replace("basket", "cart"))
    assert "raise its version" in await terminal.run("article", "publish", str(faq), code=1)

    listed = await terminal.json("article", "list")
    (use,) = listed["articles"]
    assert (use["links"], use["judged"], use["solved"], use["stale"]) == (5, 5, 5, [])
    assert listed["closed"] == 6
    assert listed["link_rate"] == pytest.approx(5 / 6), "by hand: five of the six closed cases"
    change = change_row(70, T0, kind="POLICY_ROLLOUT", target="p7", from_version="7", to_version="8")
    await terminal.store.write("events", [change])
    (use,) = (await terminal.json("article", "list"))["articles"]
    assert use["stale"] == ["p7 is at version 8, it says 7"]
    broken = tmp_path / "broken.md"
    broken.write_text("# nothing")
    assert "it has no head" in await terminal.run("article", "check", str(broken), code=1)


def measures(first: int, day_ms: int, market: str, count: int, wrong: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(first, first + count):
        body = {"action_id": f"m{number}", "market": market, "policy_id": "p7", "shop_id": "s1"}
        rows.append(event_row(number, weight=1, event_time=day_ms, data=json.dumps(body)))
        if number < first + wrong:
            back = {"action_id": f"m{number}", "reason": "MODEL_ERROR"}
            kind = {"type": "enforcement.reversed", "event_time": day_ms + DAY_MS}
            rows.append(event_row(100_000 + number, weight=1, data=json.dumps(back), **kind))
    return rows


async def test_a_recommendation_is_made_done_and_measured(terminal: Terminal) -> None:
    facts = {"policy_clause": "p7", "markets": ("DE",), "cause": "MODEL", "resolution": "WRONG_ENFORCEMENT"}
    entries = [LibraryEntry(entry_id=f"c{n}", title="t", pattern_id="pattern-1", **facts) for n in range(2)]  # type: ignore[arg-type]
    await terminal.store.write("library_entries", [library_row(each, "ana", T0) for each in entries])
    offered = await terminal.json("recommend", "for", "pattern-1")
    assert [each["id"] for each in offered] == ["hold-model-release"]
    made = await terminal.json("recommend", "make", "pattern-1", "hold-model-release")
    one = made["target"]
    assert "the bank has no" in await terminal.run("recommend", "make", "pattern-1", "other", code=2)
    await terminal.run("recommend", "move", one, "accepted")
    assert "not done yet" in await terminal.run("recommend", "measure", one, code=2)
    await terminal.run("recommend", "move", one, "done")
    assert "too young" in await terminal.run("recommend", "measure", one, code=2)
    (row,) = await terminal.json("recommend", "list")
    done = NOW - 20 * DAY_MS
    old = {**row, "done_at": done, "at": done}
    await terminal.store.write("recommendations", [old])
    before, after = done - 3 * DAY_MS, done + 3 * DAY_MS
    events = [*measures(1_000, before, "DE", 100, 40), *measures(2_000, after, "DE", 100, 10)]
    events += [*measures(3_000, before, "FR", 100, 40), *measures(4_000, after, "FR", 100, 40)]
    await terminal.store.write("events", events)
    assert (await terminal.json("recommend", "measure", one))["accepted"]
    shown = await terminal.run("recommend", "list")
    assert "×0.26 (0.12–0.58)" in shown, shown
