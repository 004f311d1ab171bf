"""What well-known services are really asked to show: text to the letter, nobody mentioned, ids where they are of use.

The services are Apprise's own plugins; what stands in for the far end is the adapter below `requests`, so no socket
opens.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from sinks.channels import AppriseChannel, Outgoing
from sinks.channels.fit import fit
from sinks.channels.plain import markdown, one_line, plain

LINK = "https://livewarden.example.org/incidents/a_b_c"
NEWS = Outgoing(
    notification_id="n-1",
    incident_id="i-1",
    cause="new",
    severity="critical",
    title="Orders fell in <DE> *now*",
    body=(
        "@here @everyone <!channel> <@U123> @bob\n[click](http://evil.example) _x_ `y` <b>z</b>\n# not a heading\n- "
        "no list"
    ),
    link=LINK,
)
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/"
TEAMS = "workflows://prod-00.westeurope.logic.azure.com:443/643e69f83c8944/iXvS0_ZlOSDmKh0j/"
TELEGRAM = "tgram://123456789:alphanumeric_long_token_abcdefghijk/12315544/"
MATTERMOST = "mmost://chat.example.org/tokentokentoken"
PAGERDUTY = "pagerduty://A12345678901234567890123456789ab@integration/"
OPSGENIE = "opsgenie://0123456789abcdef0123456789abcdef/"


class FarEnd:
    """Keeps every request, and answers as the services do."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        body = request.body if isinstance(request.body, str) else (request.body or b"").decode()
        self.bodies.append(json.loads(body))
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = 200, request, str(request.url)
        answer._content = b"ok" if "slack" in str(request.url) else b'{"ok": true, "requestId": "r"}'
        return answer


@pytest.fixture
def far_end(monkeypatch: pytest.MonkeyPatch) -> FarEnd:
    end = FarEnd()
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda _, request, **kwargs: end.send(request, **kwargs))
    return end


async def asked(far_end: FarEnd, url: str, news: Outgoing = NEWS) -> Any:
    await AppriseChannel("c", url, called="C_URL").send(news)
    (body,) = far_end.bodies
    return body


@pytest.mark.parametrize(
    "url", [SLACK, DISCORD, TEAMS, TELEGRAM, MATTERMOST, PAGERDUTY], ids=lambda url: url.split(":")[0]
)
async def test_nobody_is_mentioned_and_the_link_leads_somewhere(url: str, far_end: FarEnd) -> None:
    text = json.dumps(await asked(far_end, url), ensure_ascii=False)
    assert not re.search(r"@(here|everyone|U123|bob)", text)
    assert "here" in text
    assert LINK in text


async def test_slack_shows_plain_text(far_end: FarEnd) -> None:
    asks = await asked(far_end, SLACK)
    (attachment,) = asks["attachments"]
    assert asks["mrkdwn"] is False
    assert html.unescape(attachment["title"]) == NEWS.title
    assert html.unescape(attachment["text"]) == f"{plain(NEWS.body)}\n\n{LINK}"
    assert "<" not in attachment["text"] + attachment["title"]


@pytest.mark.parametrize(
    ("url", "where"),
    [
        (DISCORD, lambda asks: asks["content"]),
        (MATTERMOST, lambda asks: asks["text"]),
        (TEAMS, lambda asks: asks["attachments"][0]["content"]["body"][-1]["text"]),
    ],
    ids=["discord", "mattermost", "teams"],
)
async def test_what_shows_markdown_gets_it_escaped(url: str, where: Any, far_end: FarEnd) -> None:
    title, _, body = where(await asked(far_end, url)).partition("\n\n")
    assert title == r"**Orders fell in \<DE\> \*now\***"
    assert r"\[click\](http://evil.example) \_x\_ \`y\` \<b\>z\</b\>" in body
    assert "</b\\>  \n\\# not a heading" in body  # two spaces keep the line break
    assert "\n\\- no list" in body
    assert body.endswith(f"\n{LINK}")


async def test_telegram_shows_html_as_text(far_end: FarEnd) -> None:
    text = (await asked(far_end, TELEGRAM))["text"]
    assert "&lt;b&gt;z&lt;/b&gt;" in text
    assert "<b>z" not in text


async def test_pagerduty_has_one_incident_that_ends_with_ours(far_end: FarEnd) -> None:
    begins = await asked(far_end, PAGERDUTY)
    assert (begins["event_action"], begins["dedup_key"]) == ("trigger", "i-1")
    assert begins["payload"]["severity"] == "critical"
    far_end.bodies.clear()
    ends = await asked(far_end, PAGERDUTY, replace(NEWS, cause="resolved"))
    assert (ends["event_action"], ends["dedup_key"]) == ("resolve", "i-1")


@pytest.mark.parametrize(
    ("url", "key", "action", "values"),
    [
        ("goalert://goalert.example.org/01234567-89ab-cdef-0123-456789abcdef", "dedup", "action", (None, "close")),
        ("ilert://il1api0123456789abcdef", "alertKey", "eventType", ("ALERT", "RESOLVE")),
        ("incidentio://alertsource/0123456789abcdef", "deduplication_key", "status", ("firing", "resolved")),
        ("squadcast://0123456789abcdef", "event_id", "status", ("trigger", "resolve")),
    ],
    ids=["goalert", "ilert", "incident.io", "squadcast"],
)
async def test_others_that_call_people_have_one_incident_too(
    url: str, key: str, action: str, values: tuple[str, str], far_end: FarEnd
) -> None:
    for cause, value in zip(("new", "resolved"), values, strict=True):
        far_end.bodies.clear()
        asks = await asked(far_end, url, replace(NEWS, cause=cause))
        assert (asks[key], asks.get(action)) == ("i-1", value)
        assert NEWS.title in asks.values()


@pytest.mark.parametrize(("severity", "cause"), [("info", "new"), ("critical", "new"), ("critical", "resolved")])
async def test_opsgenie_is_told_everything(severity: str, cause: str, far_end: FarEnd) -> None:
    asks = await asked(far_end, OPSGENIE, replace(NEWS, severity=severity, cause=cause))
    assert (asks["alias"], asks["message"]) == ("i-1", NEWS.title)


async def test_a_long_text_is_cut_rather_than_refused(far_end: FarEnd) -> None:
    asks = await asked(far_end, DISCORD, replace(NEWS, body="word " * 5_000))
    assert 1_000 < len(asks["content"]) <= 2_000


@pytest.mark.parametrize("text", ["user@example.org", "5 @ 3", "a@b.de, c@d.fr"])
def test_what_is_no_mention_is_left_alone(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize("text", ["@here", "<@U1>", "<@&7>", "(@all)", "x@everyone", "@Channel", "@room!", "@bob"])
def test_a_mention_is_broken(text: str) -> None:
    assert plain(text).replace("\u200b", "") == text
    assert not re.search(r"@\w|@&", plain(text))


@pytest.mark.parametrize("mark", ["\x00", "\x1b", "\u202e", "\u2066", "\x85", "\r"])
def test_what_cannot_be_seen_is_taken_out(mark: str) -> None:
    assert plain(f"a{mark}b\nc\td") == "ab\nc\td"
    assert one_line(f"a{mark}b\nc\td") == "ab c d"


@given(st.text(alphabet="ab1 \n\\`*_[]()<>|~#&-+=.!", max_size=30))
def test_markdown_without_its_backslashes_is_the_text(text: str) -> None:
    written = markdown(text)
    assert re.sub(r"\\([^a-z0-9\s])", r"\1", written) == plain(text)
    unescaped = re.sub(r"\\[^a-z0-9\s]", "", written)
    assert not re.search(r"[`*_\[\]<>|~#&\\]", unescaped)


LONG = "a remark that does not end " * 400


@pytest.mark.parametrize(
    "url", [SLACK, DISCORD, TEAMS, TELEGRAM, MATTERMOST, PAGERDUTY, OPSGENIE], ids=lambda url: url.split(":")[0]
)
@pytest.mark.parametrize("body", [LONG, f"Since 20:00\nRemark: {LONG}\nOwner: x\n{LINK}", "*_`&<>" * 2_000])
async def test_a_text_of_any_length_keeps_its_link(url: str, body: str, far_end: FarEnd) -> None:
    text = json.dumps(await asked(far_end, url, replace(NEWS, body=body, title="[critical] " + "x" * 300)))
    assert LINK in text


@given(st.text(max_size=600), st.integers(60, 400))
def test_what_is_cut_fits_and_leads_somewhere(text: str, room: int) -> None:
    for given_text in (text, f"{text}\n{LINK}"):
        shown = fit(given_text, LINK if LINK in given_text else "", room)
        assert len(shown) <= max(room, len(LINK))
        assert (LINK in shown) == (LINK in given_text)
