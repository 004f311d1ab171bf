"""Pseudonyms: whoever is known is named nowhere, everything else stays, and the same one keeps its name."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.evidence.redact import IDENTIFIERS, LISTS, Pseudonyms
from sinks.sql import quoted

ids = st.one_of(
    st.from_regex(r"[a-z]{2,5}-[0-9]{2,6}", fullmatch=True),
    st.from_regex(r"[aB7][aB7.:/_#=é-]{2,6}[aB7]", fullmatch=True),
)
between = st.sampled_from([" ", ", ", " (", ") ", ": ", " · ", " → ", '" ', "\n", ". ", "; "])
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(("market", *IDENTIFIERS, *LISTS)), st.text(max_size=4)), inner, max_size=4
        ),
    ),
    max_leaves=12,
)


def fields(value: Any) -> set[str]:
    """The texts in fields of ids, however deep."""
    names = Pseudonyms(b"any")
    names.learn(value)
    return names._known


@settings(deadline=None)
@given(found=st.lists(st.tuples(ids, between), min_size=1, max_size=5))
def test_sentences_name_nobody_who_is_known(found: list[tuple[str, str]]) -> None:
    names = Pseudonyms(b"salt")
    names.learn({"shop_id": [each for each, _ in found]})
    text = names.text("of " + "".join(each + space for each, space in found))
    assert text == "of " + "".join(names.of(each) + space for each, space in found)


@settings(deadline=None)
@given(value=values)
def test_fields_hold_pseudonyms_and_the_shape_stays(value: Any) -> None:
    names = Pseudonyms(b"salt")
    names.learn(value)
    redacted = names.plain(value)
    assert fields(redacted) == {names.of(each) for each in fields(value)}
    assert json.dumps(names.plain(json.loads(json.dumps(value)))) == json.dumps(redacted)


@given(text=st.text())
def test_a_text_in_which_nobody_is_known_stays(text: str) -> None:
    names = Pseudonyms(b"salt")
    names.add(["shop-4711"])
    assert "shop-4711" in text or names.text(text) == text


@given(known=st.text(min_size=1), other=st.text())
def test_literals_of_a_query_name_nobody_who_is_known(known: str, other: str) -> None:
    names = Pseudonyms(b"salt")
    names.add([known])
    sql = f"SELECT {quoted(known)}, {quoted(other)} FROM events"
    wanted = names.of(other) if other == known else other
    assert names.sql(sql) == f"SELECT {quoted(names.of(known))}, {quoted(wanted)} FROM events"


def test_a_pseudonym_hangs_on_the_salt_and_the_id() -> None:
    one, other = Pseudonyms(b"a"), Pseudonyms(b"b")
    assert one.of("shop-1") == Pseudonyms(b"a").of("shop-1")
    assert len({one.of("shop-1"), one.of("shop-2"), other.of("shop-1")}) == 3
    assert one.of("") == ""


def test_a_short_id_is_replaced_in_its_field_only() -> None:
    names = Pseudonyms(b"salt")
    names.learn({"shop_id": "12"})
    assert names.plain({"shop_id": "12", "text": "12 of 30"}) == {"shop_id": names.of("12"), "text": "12 of 30"}
