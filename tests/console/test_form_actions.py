"""What people do in the console: who may, how a request must come, and what it becomes."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from starlette.routing import Route
from yarl import URL

from console import throttle
from console.access import Access
from console.app import routes
from console.csrf import CsrfTokens
from console.identity import Holder, Visitor
from livewarden.action import (
    Acknowledge,
    AddEvidence,
    AddTask,
    AssignCase,
    Feedback,
    FinishTask,
    Link,
    MergeCase,
    MoveCase,
    Note,
    OpenCase,
    Silence,
)
from livewarden.clock import ManualClock
from livewarden.times import DAY_MS, HOUR_MS, to_ms
from models.library.stored import library_row
from sinks.store.connection import Address
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import (
    ENTRIES,
    HOSTILE,
    MONITOR,
    SECRET,
    T0,
    Site,
    incident_row,
    site_over,
    work_row,
    working,
)

__all__ = ["clickhouse", "clickhouse_server", "working"]
pytestmark = pytest.mark.clickhouse

PEOPLE = {"maria": Holder("m" * 12, "operator"), "joe": Holder("j" * 12, "viewer"), "ida": Holder("i" * 12, "admin")}
MARIA, JOE, IDA = ({"Authorization": "Bearer " + name * 12} for name in "mji")
SILENCE = {"matchers": "market=DE\npolicy_id~p*", "owner": "maria", "why": "a test", "starts_at": "2026-03-06T19:00",
           "ends_at": "2026-03-06T21:00", "kind": "silence", "effect": "mute", "remind_s": "900"}  # fmt: skip
FORMS: Mapping[str, dict[str, str]] = {
    "/incidents/{incident_id}/acknowledge": {"why": "on it", "expects": "3"},
    "/incidents/{incident_id}/resolve": {"why": "over", "expects": "3"},
    "/alerts/{alert_id}/feedback": {"verdict": "true", "cause": "a release", "why": "seen it"},
    "/silences": SILENCE,
    "/silences/{silence_id}/expire": {},
    "/cases": {"title": "By hand", "severity": "warning", "alert_ids": "alert-1\nalert-2", "why": "anomalous"},
    "/cases/{case_id}/move": {"to": "resolved", "resolution": "FIXED", "why": "rolled back", "expects": "4"},
    "/cases/{case_id}/assign": {"owner": "kim", "due_at": "2026-03-07T12:00", "expects": "4"},
    "/cases/{case_id}/note": {"why": "asked the team", "expects": "4"},
    "/cases/{case_id}/tasks": {"text": "tell the merchants", "owner": "kim", "expects": "4"},
    "/cases/{case_id}/tasks/{task_id}/done": {"expects": "4"},
    "/cases/{case_id}/template": {"template": "wrong-enforcement", "expects": "4"},
    "/cases/{case_id}/links": {"kind": "ticket", "ref": "OPS-7", "expects": "4"},
    "/cases/{case_id}/merge": {"into": "case-9", "expects": "4"},
    "/cases/{case_id}/review": {"measure_id": "a0", "verdict": "WRONG"},
    "/library/patterns/{pattern_id}/name": {"name": "Warnings", "why": "a word for it"},
    "/library/patterns/{pattern_id}/merge": {"into": "pattern-2", "why": "the same"},
    "/library/patterns/{pattern_id}/split": {"name": "a", "rest": "b", "entry_ids": "old-1\nold-2", "why": "two"},
    "/library/recommendations/{recommendation_id}/move": {"to": "accepted", "why": "for the next release"},
    "/library/patterns/{pattern_id}/recommend": {"advice": "hold-model-release", "why": "three releases in a row"},
    "/cases/{case_id}/library": {},
    "/cases/{case_id}/evidence": {},
}
"""A form for every address that does something."""
IDS = {
    "incident_id": "incident-1",
    "alert_id": "alert-1",
    "silence_id": "silence-1",
    "case_id": "case-1",
    "task_id": "task-1",
    "pattern_id": "pattern-1",
    "recommendation_id": "recommendation-1",
}


@pytest.fixture
async def guarded(clickhouse: Address, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(throttle, "OF_ONE", 10_000)  # every form is tried with a wrong token
    async with site_over(
        clickhouse, access=Access(people=PEOPLE), monitors={"measures": MONITOR}, acts=True
    ) as running:
        await running.fill()
        await second_case(running)
        yield running


async def second_case(site: Site) -> None:
    """The bank of recommendations speaks of a pattern from two cases on."""
    again = ENTRIES[0].model_copy(update={"entry_id": "old-3"})
    await site.store.write("library_entries", [library_row(again, "kim", T0)])


async def csrf_of(site: Site, headers: Mapping[str, str] | None = None, path: str = "/cases/case-1") -> str:
    """The seal of a page's forms."""
    async with site.http.get(site.url + path, headers=headers) as answer:
        found = re.search(r'name="csrf" value="([^"]+)"', await answer.text())
    assert found is not None
    return found[1]


async def post(
    site: Site, path: str, form: Mapping[str, Any] | str | bytes, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Status of an answer, and where it leads or what it says."""
    kind = {} if isinstance(form, Mapping) else {"Content-Type": "application/x-www-form-urlencoded"}
    async with site.http.post(
        URL(site.url + path, encoded=True), data=form, headers={**kind, **(headers or {})}, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("Location") or html.unescape(await answer.text())


def test_every_address_that_does_something_is_tried_here() -> None:
    found = {
        each.path
        for each in routes(acts=True, builds=True)
        if isinstance(each, Route) and "POST" in (each.methods or ())
    }
    assert found == {*FORMS, "/silences/preview", "/cases/bulk"}  # shows; many of the others at once
    assert not [
        each for each in routes(acts=False, builds=True) if isinstance(each, Route) and "POST" in (each.methods or ())
    ]


async def test_nobody_acts_who_may_not_or_from_a_foreign_page(guarded: Site) -> None:
    csrf, others = await csrf_of(guarded, MARIA), await csrf_of(guarded, IDA)
    viewers = CsrfTokens(SECRET, ManualClock(T0 + HOUR_MS)).issue(Visitor("joe", "viewer"))
    old = CsrfTokens(SECRET, ManualClock(T0 + HOUR_MS - 2 * DAY_MS)).issue(Visitor("maria", "operator"))
    good = {"csrf": csrf}
    host = guarded.url.removeprefix("http://")
    for template, form in FORMS.items():
        path = template.format(**IDS)
        tries: list[tuple[str, int, dict[str, str], dict[str, str]]] = [
            ("no visitor", 401, good, {}),
            ("a wrong token", 401, good, {"Authorization": "Bearer " + "m" * 11}),
            ("a viewer", 403, good, JOE),
            ("a viewer with a token", 403, {"csrf": viewers}, JOE),
            ("no token", 403, {}, MARIA),
            ("an empty token", 403, {"csrf": ""}, MARIA),
            ("a made-up token", 403, {"csrf": csrf[:-1] + ("0" if csrf[-1] != "0" else "1")}, MARIA),
            ("an old token", 403, {"csrf": old}, MARIA),
            ("another person's token", 403, {"csrf": others}, MARIA),
            ("a foreign page", 403, good, MARIA | {"Origin": "https://evil.example"}),
            ("a page that hides", 403, good, MARIA | {"Origin": "null"}),
            ("a port next door", 403, good, MARIA | {"Origin": "http://127.0.0.1:1"}),
            ("a foreign page, as the browser says", 403, good, MARIA | {"Sec-Fetch-Site": "cross-site"}),
            ("a page of the same site", 403, good, MARIA | {"Sec-Fetch-Site": "same-site", "Origin": f"http://{host}"}),
        ]
        for what, status, seals, headers in tries:
            found, said = await post(guarded, path, form | seals, headers)
            assert found == status, (path, what, said)
        for method in ("PUT", "DELETE", "PATCH"):
            async with guarded.http.request(method, guarded.url + path, headers=MARIA) as answer:
                assert answer.status == 405, path
    assert guarded.asked.actions == []


async def test_every_form_becomes_one_action(guarded: Site) -> None:
    csrf = await csrf_of(guarded, MARIA)
    own = MARIA | {"Origin": guarded.url, "Sec-Fetch-Site": "same-origin"}
    for template, form in FORMS.items():
        before = len(guarded.asked.actions)
        for _ in range(2):
            status, place = await post(guarded, template.format(**IDS), form | {"csrf": csrf}, own)
            assert status == 303, (template, place)
        assert len(guarded.asked.actions) == before + 1, f"{template}: sent twice, done once"
        done = guarded.asked.actions[-1]
        assert (done.who, done.role, to_ms(done.at)) == ("maria", "operator", T0 + HOUR_MS)
        async with guarded.http.get(guarded.url + place, headers=MARIA) as page:
            text = await page.text()
            assert f"{done.do}: done by maria." in text, template
        async with guarded.http.get(guarded.url + place, headers=IDA) as page:
            assert "done by maria" not in re.sub(r"<ol.*?</ol>", "", await page.text(), flags=re.DOTALL), template


async def test_what_a_form_becomes(working: Site) -> None:
    csrf = {"csrf": await csrf_of(working)}
    for template, form in FORMS.items():
        await post(working, template.format(**IDS), form | csrf)
    by_kind = {type(each): each for each in working.asked.actions}
    for kind, given in (
        (Acknowledge, {"incident_id": "incident-1", "why": "on it", "expects": 3, "role": "admin", "who": "local"}),
        (Feedback, {"alert_id": "alert-1", "verdict": "true", "cause": "a release"}),
        (OpenCase, {"title": "By hand", "alert_ids": ("alert-1", "alert-2")}),
        (MoveCase, {"to": "resolved", "resolution": "FIXED", "expects": 4, "force": False}),
        (Note, {"why": "asked the team"}),
        (AddTask, {"text": "tell the merchants", "owner": "kim", "due_at": None}),
        (FinishTask, {"case_id": "case-1", "task_id": "task-1"}),
        (Link, {"kind": "ticket", "ref": "OPS-7"}),
        (MergeCase, {"case_id": "case-1", "into": "case-9"}),
        (AddEvidence, {"name": "case-1.evidence.zip", "digest": "cd" * 32, "size": 4321}),
    ):
        found = by_kind[kind].model_dump()
        assert {name: found[name] for name in given} == given
    assigned, silence = by_kind[AssignCase], by_kind[Silence]
    assert isinstance(assigned, AssignCase)
    assert assigned.due_at is not None
    assert to_ms(assigned.due_at) == T0 + 18 * HOUR_MS
    assert isinstance(silence, Silence)
    assert [str(each) for each in silence.matchers] == ["market=DE", "policy_id~p*"]
    assert (to_ms(silence.starts_at), to_ms(silence.ends_at), silence.remind_s) == (T0 + HOUR_MS, T0 + 3 * HOUR_MS, 900)


async def test_what_is_not_there_is_404(working: Site) -> None:
    csrf = {"csrf": await csrf_of(working)}
    for name in ("none", "%00", "%ff", "'", "%22%3E%3Cscript%3E", "x" * 5000):
        for template, form in FORMS.items():
            if "{" in template:
                path = template.replace("{task_id}", "task-1")
                status, said = await post(working, re.sub(r"\{\w+\}", name, path), form | csrf)
                assert status == 404, (template, name, said)
    status, _ = await post(working, "/cases/case-1/tasks/none/done", csrf)
    assert status == 404
    assert working.asked.actions == []


BAD = {
    "/silences": [
        {"matchers": ""},
        {"matchers": "nonsense"},
        {"matchers": "mar ket=DE"},
        {"matchers": "\n".join(f"a{n}=b" for n in range(21))},
        {"matchers": "market=" + "x" * 201},
        {"ends_at": "2026-03-06T18:00"},
        {"ends_at": "soon"},
        {"ends_at": "9999-12-31T23:59:59-23:59"},
        {"starts_at": "0001-01-01T00:00+14:00"},
        {"why": " "},
        {"why": "x" * 2001},
        {"owner": "x" * 101},
        {"kind": "nonsense"},
        {"effect": "<script>"},
        {"remind_s": "-1"},
        {"remind_s": "1e9"},
        {"silence_id": "mine"},
    ],
    "/cases": [
        {"title": ""},
        {"title": "x" * 301},
        {"severity": "dire"},
        {"alert_ids": " ".join("abc" for _ in range(1001))},
        {"alert_ids": "x" * 257},
        {"case_id": "mine"},
    ],
    "/cases/{case_id}/move": [
        {"to": "merged"},
        {"to": ""},
        {"resolution": "BECAUSE"},
        {"force": "perhaps"},
        {"expects": "many"},
        {"expects": "1" * 400},
        {"case_id": "case-2"},
    ],
    "/cases/{case_id}/note": [{"why": ""}, {"why": "x" * 10_001}],
    "/cases/{case_id}/links": [{"kind": "nonsense"}, {"ref": ""}, {"ref": "x" * 501}],
    "/cases/{case_id}/merge": [{"into": ""}, {"into": "two words"}],
    "/cases/{case_id}/evidence": [{"digest": "0" * 64}],
    "/alerts/{alert_id}/feedback": [{"verdict": ""}, {"verdict": "perhaps"}, {"cause": "x" * 201}],
    "/incidents/{incident_id}/acknowledge": [
        {"who": "ida"},
        {"role": "admin"},
        {"action_id": "a"},
        {"at": "2026-01-01T00:00Z"},
        {"do": "resolve_incident"},
        {"extra": "1"},
        {"expects": "1.5"},
    ],
}


@pytest.mark.parametrize("template", BAD)
async def test_what_cannot_be_understood_is_said_in_one_line(working: Site, template: str) -> None:
    csrf = {"csrf": await csrf_of(working)}
    for change in BAD[template]:
        status, said = await post(working, template.format(**IDS), FORMS[template] | change | csrf)
        assert status == 400, (change, said)
        assert "pydantic" not in said
        for name, text in (FORMS[template] | change).items():
            if name not in ("expects",) and text.strip():
                assert text[:200] in said, f"{name} is not lost"
    assert working.asked.actions == []


async def test_what_is_no_form_is_refused(working: Site) -> None:
    csrf = await csrf_of(working)
    path = "/cases/case-1/note"
    good = f"csrf={csrf}&why="
    for body in (
        good + "%00",
        good + "a%07b",
        good + "%ff",
        good + "%ed%a0%80",
        good + "a&why=b",
        "csrf=" + csrf + "&%00=1",
        b"\xff\xfe",
        b"",
        good + "a" * 140_000,
        good + "a" + "".join(f"&f{n}=1" for n in range(99)),
        "&" * 200,
    ):
        status, said = await post(working, path, body)
        assert status in (400, 403), (body[:60], said)
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain", ""):
        status, _ = await post(working, path, f"{good}a", {"Content-Type": kind})
        assert status == 400, kind
    assert working.asked.actions == []
    assert (await post(working, path, good + "line%0D%0Aline%09%F0%9F%98%80"))[0] == 303
    (noted,) = working.asked.actions
    assert noted.why == "line\nline\t😀"


async def test_the_second_of_two_is_told(guarded: Site) -> None:
    csrf, other = await csrf_of(guarded, MARIA), await csrf_of(guarded, IDA)
    assert (await post(guarded, "/cases/case-1/note", {"why": "one", "expects": "4", "csrf": csrf}, MARIA))[0] == 303
    await guarded.store.write("cases", [work_row(version=5)])
    _, place = await post(guarded, "/cases/case-1/note", {"why": "two", "expects": "4", "csrf": other}, IDA)
    async with guarded.http.get(guarded.url + place, headers=IDA) as page:
        assert "the case has changed: version 5, you saw 4" in await page.text()
    await guarded.store.write("incidents", [incident_row(version=4)])
    form = FORMS["/incidents/{incident_id}/acknowledge"]
    _, place = await post(guarded, "/incidents/incident-1/acknowledge", form | {"csrf": csrf}, MARIA)
    async with guarded.http.get(guarded.url + place, headers=MARIA) as page:
        assert "the incident has changed: version 4, you saw 3" in await page.text()


async def test_no_answer_in_time_may_still_come(working: Site) -> None:
    await second_case(working)
    csrf = {"csrf": await csrf_of(working)}
    working.asked.late = True
    for template, form in FORMS.items():
        status, place = await post(working, template.format(**IDS), form | csrf)
        assert status == 303, (template, place)
        assert "It may still be accepted" in await working.page(place), template
    working.asked.late = False
    form = FORMS["/cases/{case_id}/note"] | csrf
    _, place = await post(working, "/cases/case-1/note", form)
    assert "note: done by local." in await working.page(place), "the same form again is the same action"


async def test_an_answer_is_looked_up_and_never_typed(working: Site) -> None:
    for text in ("You+won", "<script>", "%00", "x" * 150, "00000000-0000-0000-0000-000000000001"):
        page = await working.page(f"/incidents?answer={text}")
        assert 'class="said' not in page, "no answer of one's own"
    assert (await working.get(f"/incidents?answer={'x' * 5}&answer=y"))[0] == 400


async def test_only_an_admin_sets_the_gate_aside(guarded: Site) -> None:
    await guarded.store.write("cases", [work_row(version=5, state="resolved")])
    form = {"to": "closed", "force": "true", "expects": "5"}
    assert (await post(guarded, "/cases/case-1/move", form | {"csrf": await csrf_of(guarded, MARIA)}, MARIA))[0] == 403
    assert guarded.asked.actions == []
    assert (await post(guarded, "/cases/case-1/move", form | {"csrf": await csrf_of(guarded, IDA)}, IDA))[0] == 303
    (done,) = guarded.asked.actions
    assert isinstance(done, MoveCase)
    assert done.force
    for headers, there in ((MARIA, False), (IDA, True)):
        async with guarded.http.get(guarded.url + "/cases/case-1", headers=headers) as page:
            assert ('name="force"' in await page.text()) == there


async def test_a_viewer_is_shown_no_form(guarded: Site) -> None:
    for path in (
        "/incidents/incident-1",
        "/alerts/alert-1",
        "/silences",
        "/silences/new",
        "/cases",
        "/cases/new",
        "/cases/case-1",
    ):
        for headers, there in ((JOE, False), (MARIA, True)):
            async with guarded.http.get(guarded.url + path, headers=headers) as page:
                text = await page.text()
            assert page.status == 200
            assert ('method="post"' in text or 'class="button' in text) == there, path
        assert "joe" in text or there


async def test_script_and_sql_in_any_field_come_out_as_text(working: Site) -> None:
    csrf = {"csrf": await csrf_of(working)}
    for template, form in FORMS.items():
        for name in form:
            status, said = await post(working, template.format(**IDS), form | {name: HOSTILE} | csrf)
            assert status in (303, 400), (template, name)
            text = await working.page(said) if status == 303 else said
            if status == 400:
                async with working.http.post(
                    working.url + template.format(**IDS), data=form | {name: HOSTILE} | csrf
                ) as raw:
                    text = await raw.text()
            assert "<script>alert" not in text, (template, name)
            assert "<img" not in text, (template, name)
    text = await working.page("/actions")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


async def test_a_slash_too_many_leads_to_our_own_page_without_a_host(working: Site) -> None:
    """Behind a proxy we do not know by which host and scheme we are reached."""
    for path in ("/silences/", "/cases/?state=open", "//evil.example/"):
        async with working.http.get(working.url + path, allow_redirects=False) as answer:
            place = answer.headers["location"]
        assert (answer.status, place) == (307, "/" + path.replace("/?", "?").strip("/"))


async def test_the_port_that_a_scheme_has_anyway_is_the_same_host(working: Site) -> None:
    for host, origin, foreign in (
        ("localhost:443", "https://localhost", False),
        ("localhost", "https://localhost:443", False),
        ("localhost:80", "http://localhost", False),
        ("localhost:443", "http://localhost", True),
        ("localhost:8443", "https://localhost", True),
    ):
        headers = {"Host": host, "Origin": origin, "Sec-Fetch-Site": "same-origin"}
        async with working.http.post(working.url + "/silences", data={"csrf": "x"}, headers=headers) as answer:
            text = await answer.text()
        assert answer.status == 403
        assert ("another site" in text) == foreign, (host, origin)
        assert ("too old, or not one of ours" in text) == (not foreign)


async def test_many_cases_are_dismissed_or_merged_at_once(working: Site) -> None:
    csrf = {"csrf": await csrf_of(working)}
    picked = {"pick.case-1": "1", "pick.case-2": "1"}
    page = await working.page("/cases?view=list")
    assert 'form="bulk" name="pick.case-1"' in page
    form = csrf | picked | {"do": "dismiss", "resolution": "FALSE_ALERT", "into": "", "why": "a storm"}
    assert (await post(working, "/cases/bulk", form))[0] == 303
    moved = working.asked.actions
    assert [(each.case_id, each.to, each.resolution) for each in moved if isinstance(each, MoveCase)] == [
        ("case-1", "dismissed", "FALSE_ALERT"), ("case-2", "dismissed", "FALSE_ALERT"),
    ]  # fmt: skip
    assert (await post(working, "/cases/bulk", csrf | picked | {"do": "merge", "into": "case-9", "why": ""}))[0] == 303
    merged = [each for each in working.asked.actions if isinstance(each, MergeCase)]
    assert [(each.case_id, each.into) for each in merged] == [("case-1", "case-9"), ("case-2", "case-9")]
    for bad in (csrf | {"do": "dismiss"}, csrf | picked | {"do": "burn"}, csrf | picked | {"do": "merge"}):
        assert (await post(working, "/cases/bulk", bad))[0] == 400
    assert len({each.action_id for each in working.asked.actions}) == 4
