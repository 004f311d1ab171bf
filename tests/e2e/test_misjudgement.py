"""Governance in a real browser: from the radar to a case that is closed as wrong enforcement."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Demo, pictured
from tests.e2e.test_browser import act, resolve

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_from_the_radar_to_a_case_closed_as_wrong_enforcement(page: Page, demo: Demo) -> None:
    demo.fed()
    said = page.locator("p.said")
    page.goto("/misjudgement")
    pictured(page, "misjudgement")
    page.locator("li", has_text="JUMP").filter(has_text="market DE").locator("a").first.click()
    expect(page.get_by_role("heading", name="Day by day")).to_be_visible()
    pictured(page, "misjudgement-cell")
    page.locator("ol.rows a").first.click()
    expect(page.get_by_text("turn out wrong").first).to_be_visible()
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile("/cases/new"))
    page.get_by_role("button", name="Open the case").click()
    expect(said).to_contain_text("the case is open")
    here = page.url.partition("?")[0]

    page.keyboard.press("b")
    expect(page).to_have_url(re.compile("/blast-radius$"))
    expect(page.get_by_text("Not sure yet")).to_be_visible()
    pictured(page, "blast-radius")
    page.keyboard.press("v")
    expect(page).to_have_url(re.compile("/review$"))
    expect(page.locator(".pairs")).not_to_contain_text("PRODUCT_REMOVED")
    pictured(page, "review")
    reviewed: list[str] = []
    while page.get_by_text("Enough is reviewed").count() == 0:
        measure = page.locator("input[name=measure_id]").input_value()
        assert measure not in reviewed
        assert len(reviewed) < 40
        reviewed.append(measure)
        with page.expect_navigation():
            page.keyboard.press("w")
        expect(said).to_contain_text("wrong")
    page.get_by_role("link", name="page of the blast radius").click()
    expect(page.get_by_text("review all of them again")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="All of them, as a file").click()
    lines = download.value.path().read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1 : len(reviewed) + 1]] == reviewed
    pictured(page, "blast-radius-widespread")
    case_id = here.rpartition("/")[2]
    told = demo.json("blast-radius", case_id[:8])
    assert (told["verdict"], told["reviewed"], told["found_wrong"]) == ("widespread", len(reviewed), len(reviewed))

    page.keyboard.press("u")
    expect(page).to_have_url(re.compile(f"{re.escape(here.rpartition('/')[2])}$"))
    resolve(page, "WRONG_ENFORCEMENT", "the release judges every second offer wrongly")
    expect(said).to_contain_text("the case is resolved")
    act(page, "Close…", "Close")
    expect(said).to_contain_text("the case is closed")
    (row,) = demo.sql(f"SELECT state, resolution FROM case_tracker WHERE case_id = '{case_id}'")
    assert row == {"state": "closed", "resolution": "WRONG_ENFORCEMENT"}


def test_the_radar_saw_the_bad_model_while_half_of_its_reversals_were_still_to_come(demo: Demo) -> None:
    demo.fed()
    found = demo.until(r"bad model of 2026-03-06 is seen after (\d+) days .* when (\d+)% of the reversals", 60)
    assert int(found[1]) <= 10
    assert int(found[2]) <= 60
