"""What an address may ask for; anything else is one line."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from console.pages.alerts import AlertQuery
from console.pages.audit import ActionQuery
from console.pages.cases import AboutQuery, CaseQuery
from console.pages.changes import ChangeQuery
from console.pages.dead_letters import DeadLetterQuery
from console.pages.incidents import IncidentQuery
from console.pages.silences import SilenceQuery
from console.parameters import BadParameter, Query, Spanned
from livewarden.times import DAY_MS, HOUR_MS, parse_ms
from tests.clickhouse_fixtures import clickhouse, clickhouse_server
from tests.console_fixtures import Site, site

__all__ = ["clickhouse", "clickhouse_server", "site"]

WRONG = {
    "/?sverity=critical": "there is no parameter 'sverity' here",
    "/?severity=high": "severity: 'high' is none of info, warning, critical",
    "/?status=open": "status: 'open' is none of firing, resolved",
    "/?suppressed=maybe": "suppressed: 'maybe'",
    "/?page=0": "page: '0' is no number from 1",
    "/?page=two": "page: 'two'",
    "/?page=99999999999999999999": "page: '99999",
    "/?page=²": "page: '²'",
    "/?from=yesterday": "from: 'yesterday' is no time such as",
    "/?from=0001-01-01": "from: '0001-01-01'",
    "/?to=9999-12-31T23:59:59-23:59": "to: '9999",
    "/?from=2026-02-02&to=2026-02-01": "from: must be before to",
    "/?last=1y": "last: '1y' is none of 1h, 6h",
    "/?last=1h&from=2026-01-01": "last: not together with from or to",
    "/?slice=a&slice=b": "'slice' is given twice",
    "/?slice=" + "x" * 201: "slice: longer than 200 characters",
    "/cases?state=nonsense": "state: 'nonsense' is none of candidate",
    "/cases?status=firing": "there is no parameter 'status' here",
    "/changes?kind=DEPLOY": "kind: 'DEPLOY' is none of",
    "/dead-letters?reason=x&nope=1": "there is no parameter 'nope' here",
    "/health?x=1": "there is no parameter 'x' here, only none",
    "/alerts/alert-1?x=1": "there is no parameter 'x' here",
    "/cases/case-1?x=1": "there is no parameter 'x' here",
    "/live?x=1": "there is no parameter 'x' here",
}


@pytest.mark.clickhouse
async def test_a_wrong_parameter_is_one_clear_line(site: Site) -> None:
    for path, said in WRONG.items():
        status, text = await site.get(path)
        assert status == 400, path
        (line,) = re.findall(r'<p class="lead">(.*?)</p>', text, re.DOTALL)
        assert said in html.unescape(line), path
        assert "\n" not in line


def asked(query: str) -> Spanned:
    return Spanned.read(QueryParams(query))


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert asked("from=2026-03-06").span(0) == (parse_ms("2026-03-06T00:00:00Z"), None)
    assert asked("to=2026-03-06T18:00").span(0) == (None, parse_ms("2026-03-06T18:00:00Z"))
    assert asked("to=" + quote("2026-03-06T18:00+01:00")).span(0) == (None, parse_ms("2026-03-06T17:00:00Z"))
    assert asked("last=24h").span(5 * DAY_MS) == (4 * DAY_MS, None)
    assert asked("last=1h&from=&to=").span(HOUR_MS) == (0, None)


def test_what_no_field_knows_is_refused() -> None:
    assert AboutQuery.read(QueryParams("alert=1&answer=x")).given() == {"alert": "1"}
    with pytest.raises(BadParameter, match="there is no parameter 'b' here, only alert, incident"):
        AboutQuery.read(QueryParams("alert=1&b=2"))


@given(
    st.dictionaries(st.text() | st.sampled_from(["page", "from", "to", "last", "slice", "severity"]), st.text()),
    st.sampled_from([AlertQuery, IncidentQuery, CaseQuery, ActionQuery, ChangeQuery, DeadLetterQuery, SilenceQuery]),
)
def test_any_text_is_understood_or_refused(values: dict[str, str], page: type[Query]) -> None:
    said = ""
    try:
        found = page.read(QueryParams(values))
        assert set(found.given()) <= set(values)
    except BadParameter as error:
        said = str(error)
    assert len(said.splitlines()) <= 1
