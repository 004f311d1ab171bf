"""On-call in a real browser: from an alert that appears by itself to a closed case;
the same from the command line and from SQL.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import FED_WITHIN_S, Demo, pictured

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def found(demo: Demo) -> dict[str, str]:
    """A simulated incident whose explanation names a slice and a change, and whose case nobody has taken up."""
    demo.fed()
    rows = demo.sql(
        "SELECT e.alert_id AS alert_id, e.case_id AS case_id, e.change_id AS change_id, toString(e.slice) AS slice,"
        " d.incident_id AS incident_id FROM alert_explanations AS e"
        " JOIN (SELECT * FROM dispositions FINAL) AS d ON d.alert_id = e.alert_id"
        " JOIN case_tracker AS c ON c.case_id = e.case_id"
        " WHERE e.window_start >= '2026-01-01' AND notEmpty(e.slice) AND e.change_id IS NOT NULL AND e.run = 'live'"
        " AND c.state = 'candidate' AND c.firing_count = 0 AND d.outcome = 'notified'"
        " ORDER BY e.window_start DESC, e.alert_id LIMIT 1"
    )
    assert rows, "no simulated incident has both a slice and a change"
    return {name: str(value) for name, value in rows[0].items()}


def test_an_incident_appears_without_a_reload(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile(r"/incidents$"))
    before = page.locator("[data-row]").count()
    page.evaluate("window.untouched = true")
    page.wait_for_function(
        "before => document.querySelectorAll('[data-row]').length > before", arg=before, timeout=120_000
    )
    assert page.evaluate("window.untouched") is True
    expect(page.locator("#state")).to_have_text("live")
    pictured(page, "incidents-live")


def test_an_alerts_page_shows_chart_slice_and_change(page: Page, found: dict[str, str]) -> None:
    page.goto(f"/alerts/{found['alert_id']}")
    expect(page.locator("figure.chart svg").first).to_be_visible()
    assert page.locator("figure.chart svg path, figure.chart svg polyline").count() > 1
    first = page.locator("ul.slices li strong").first
    expect(first).to_be_visible()
    value = re.findall(r":'([^']+)'", found["slice"].replace('"', "'"))[0]
    expect(first).to_contain_text(value)
    expect(page.locator("ol.events").get_by_text(found["change_id"]).first).to_be_visible()
    expect(page.get_by_text("notified").first).to_be_visible()
    pictured(page, "alert")


def test_from_acknowledged_to_closed(page: Page, demo: Demo, found: dict[str, str]) -> None:
    said = page.locator("p.said")
    # what lasts is acknowledged
    (going,) = demo.sql("SELECT incident_id FROM incidents_now WHERE status = 'firing' ORDER BY opened_at DESC LIMIT 1")
    page.goto(f"/incidents/{going['incident_id']}")
    pictured(page, "incident")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(said).to_contain_text("local has the incident until it is over")
    expect(page.locator(".badges")).to_contain_text("acknowledged")
    # and silenced
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile("/silences/new"))
    page.get_by_role("textbox", name="Reason").fill("<script>alert('no')</script> planned work")
    page.get_by_label("Who answers for it").fill("live-infra")
    pictured(page, "silence-new")
    page.get_by_role("button", name="See what it mutes").click()
    expect(page.get_by_text("of the last day").or_(page.get_by_text("none of the last day"))).to_be_visible()
    pictured(page, "silence-preview")
    page.get_by_role("button", name="Silence").click()
    expect(said).to_contain_text("active until")
    expect(page.get_by_text("<script>alert('no')</script> planned work").first).to_be_visible()
    pictured(page, "silences")
    # the case: opened, with evidence, resolved, closed
    page.goto(f"/cases/{found['case_id']}")
    act(page, "Open…", "Open", Why="it is real")
    expect(said).to_contain_text("the case is open")
    act(page, "Task…", "Add", **{"To be done before it closes": "tell the merchants"})
    expect(said).to_contain_text("the task is added")
    page.get_by_role("button", name="Build evidence").click()
    expect(said).to_contain_text("is noted", timeout=60_000)
    expect(page.get_by_text("SHA-256").first).to_be_visible()
    resolve(page, "FIXED", "the CDN was switched back")
    expect(said).to_contain_text("the case is resolved")
    act(page, "Close…", "Close")
    expect(said).to_contain_text("it cannot be closed yet: 1 task is not done: tell the merchants")
    page.get_by_role("button", name="Done").click()
    expect(said).to_contain_text("the task is done")
    act(page, "Close…", "Close")
    expect(said).to_contain_text("the case is closed")
    pictured(page, "case")
    # the same from the command line and from SQL
    shown = demo.run("case", "show", found["case_id"][:8])
    assert "closed" in shown
    assert "FIXED" in shown
    (row,) = demo.sql(f"SELECT state, resolution, open_tasks FROM case_tracker WHERE case_id = '{found['case_id']}'")
    assert (row["state"], row["resolution"]) == ("closed", "FIXED")
    (row,) = demo.sql(f"SELECT status, acknowledged_by FROM incidents_now WHERE incident_id = '{going['incident_id']}'")
    assert row == {"status": "acknowledged", "acknowledged_by": "local"}
    assert going["incident_id"][:8] in demo.run("incident", "list")
    assert "planned work" in demo.run("silence", "list")


def test_of_two_people_on_one_page_the_second_is_told(page: Page, demo: Demo) -> None:
    (row,) = demo.sql("SELECT case_id FROM case_tracker WHERE state = 'candidate' ORDER BY created_at, case_id LIMIT 1")
    page.goto(f"/cases/{row['case_id']}")
    demo.run("case", "open", row["case_id"], "--as", "omar", "--why", "mine")
    page.locator("details.deed", has_text="Triage…").locator("summary").click()
    with page.expect_navigation():
        page.locator("details.deed[open] form").get_by_role("button", name="Triage").click()
    expect(page.locator("p.said")).to_contain_text("the case has changed")
    expect(page.get_by_text("omar").first).to_be_visible()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("incidents", "/incidents"),
        ("alerts", "/alerts"),
        ("cases", "/cases"),
        ("case-new", "/cases/new"),
        ("changes", "/changes"),
        ("dead-letters", "/dead-letters"),
        ("actions", "/actions"),
        ("health", "/health"),
    ],
)
def test_every_page_is_pictured(page: Page, demo: Demo, name: str, path: str) -> None:
    demo.until("simulated incidents found", FED_WITHIN_S)
    page.goto(path)
    expect(page.locator("main")).to_be_visible()
    pictured(page, name)
    page.emulate_media(color_scheme="light")
    pictured(page, f"{name}-light")


def act(page: Page, summary: str, button: str, **fields: str) -> None:
    """Open a form, fill it in, send it."""
    page.locator("details.deed", has=page.locator("summary", has_text=re.compile(f"^{re.escape(summary)}$"))).locator(
        "summary"
    ).click()
    form = page.locator("details.deed[open] form")
    for label, text in fields.items():
        form.get_by_label(label).fill(text)
    form.get_by_role("button", name=button, exact=True).click()


def resolve(page: Page, because: str, why: str) -> None:
    """Resolve a case."""
    page.locator("details.deed", has_text="Resolve…").locator("summary").click()
    form = page.locator("details.deed[open] form")
    form.get_by_label("Because").select_option(because)
    form.get_by_label("Why").fill(why)
    form.get_by_role("button", name="Resolve").click()


def test_more_windows_than_a_browser_has_connections_are_all_live(page: Page, demo: Demo) -> None:
    windows = [page.context.new_page() for _ in range(8)]
    for window in windows:
        window.goto("/incidents")
    for window in windows:
        expect(window.locator("#state")).to_have_text("live")
    windows[0].close()  # the one that listened
    expect(windows[-1].locator("#state")).to_have_text("live")
