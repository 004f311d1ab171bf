"""What forms become: whatever is sent is understood, or refused in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message

from console import forms
from console.csrf import CsrfTokens, foreign
from console.forms import BadForm
from console.identity import Visitor
from console.pages.forms import ACTIONS, FormAction
from livewarden.clock import ManualClock
from livewarden.matcher import Matcher
from livewarden.times import DAY_MS


def request(body: bytes, kind: str = forms.KIND) -> Request:
    """A request with a body, which comes in two parts."""
    parts = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode("latin-1"))]}, receive)


def one_line(error: BadForm, typed: Mapping[str, str] | None = None) -> None:
    """What is said of a bad form is one line, and what was typed is not lost."""
    assert "\n" not in str(error)
    assert typed is None or error.typed == dict(typed)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
async def test_a_form_is_read_as_it_was_written_or_refused(fields: Mapping[str, str]) -> None:
    try:
        found = await forms.read(request(urlencode(fields).encode()))
    except BadForm as error:
        one_line(error)
        assert any(ord(letter) < 32 or letter == "\x7f" for pair in fields.items() for letter in "".join(pair))
        return
    assert found == {name: value.replace("\r\n", "\n").replace("\r", "\n") for name, value in fields.items()}


@settings(deadline=None)
@given(st.binary(max_size=300))
async def test_no_bytes_are_more_than_a_form_or_a_refusal(body: bytes) -> None:
    for sent in (body, b"why=" + quote_from_bytes(body).encode()):
        try:
            found = await forms.read(request(sent))
        except BadForm as error:
            one_line(error)
            continue
        assert all(isinstance(value, str) and "\x00" not in value for value in found.values())


NAMES = st.sampled_from(sorted({name for deed in ACTIONS for name in deed.make.model_fields} | {"anomalous"}))
GIVEN = {"action_id": "a1", "who": "maria", "role": "operator", "at": forms.instant("at", "2026-03-06T18:00")}
IDS = {"incident_id": "i1", "alert_id": "a1", "silence_id": "s1", "case_id": "c1", "task_id": "t1"}


@pytest.mark.parametrize("deed", ACTIONS, ids=lambda deed: deed.path)
@settings(deadline=None)
@given(fields=st.dictionaries(NAMES, st.text(max_size=60) | st.integers().map(str), max_size=5))
def test_what_a_form_asks_for_keeps_the_contract_or_is_refused(deed: FormAction, fields: Mapping[str, str]) -> None:
    known: dict[str, Any] = GIVEN | {
        name: value for name, value in IDS.items() if f"{{{name}}}" in deed.path or name == deed.new
    }
    try:
        action = forms.parse(deed.make, fields, known)
    except BadForm as error:
        one_line(error, fields)
        return
    assert (action.who, action.role, action.action_id) == ("maria", "operator", "a1")


WORD = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,20}", fullmatch=True)
VALUE = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=50).map(str.strip)


@settings(deadline=None)
@given(
    st.lists(st.builds(Matcher, name=WORD, op=st.sampled_from(["=", "!=", "~"]), value=VALUE), min_size=1, max_size=20)
)
def test_conditions_are_read_as_they_are_shown(wanted: list[Matcher]) -> None:
    text = "\r\n".join(map(str, wanted)).replace("\r\n", "\n")
    assert [Matcher.model_validate(each) for each in forms.matchers("matchers", text)] == wanted


@settings(deadline=None)
@given(st.text(max_size=40))
def test_a_time_is_one_or_is_refused(text: str) -> None:
    try:
        moment = forms.instant("due_at", text)
    except BadForm as error:
        one_line(error)
        return
    assert moment.tzinfo is not None


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_seal_is_good_for_whom_it_was_made_and_two_days(name: str, other: str) -> None:
    clock = ManualClock(20_000 * DAY_MS)
    csrf, one = CsrfTokens("", clock), Visitor(name, "operator")
    made = csrf.issue(one)
    assert csrf.holds(made, one)
    assert not csrf.holds(made, Visitor(name, "admin"))
    assert csrf.holds(made, Visitor(other, "operator")) == (name == other)
    assert not CsrfTokens("", clock).holds(made, one), "another process has another secret"
    clock.advance(minutes=24 * 60)
    assert csrf.holds(made, one)
    clock.advance(minutes=24 * 60)
    assert not csrf.holds(made, one)
    assert not csrf.holds(other, one)


@pytest.mark.parametrize(
    ("headers", "bad"),
    [
        ({"host": "c"}, False),
        ({"host": "c", "origin": "https://c"}, False),
        ({"host": "C:8080", "origin": "http://c:8080"}, False),
        ({"host": "[::1]:80", "origin": "http://[::1]:80"}, False),
        ({"host": "c", "origin": "https://c.evil"}, True),
        ({"host": "c", "origin": "https://c:1"}, True),
        ({"host": "c", "origin": "https://c@evil"}, True),
        ({"host": "c", "origin": "null"}, True),
        ({"host": "", "origin": ""}, True),
        ({"host": "c", "origin": "http://[c"}, True),
        ({"host": "c", "sec-fetch-site": "same-origin"}, False),
        ({"host": "c", "sec-fetch-site": "none"}, True),
        ({"host": "c", "sec-fetch-site": "cross-site"}, True),
        ({"host": "c", "origin": "https://evil", "sec-fetch-site": "same-origin"}, True),
    ],
)
def test_where_a_request_began(headers: dict[str, str], bad: bool) -> None:
    assert foreign(Headers(headers)) == bad
