"""Conditions: what is written is what is read, and globs are fast whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from livewarden.matcher import Matcher, matches

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,30}", fullmatch=True)
TEXTS = st.text(max_size=40)
MATCHERS = st.builds(Matcher, name=NAMES, op=st.sampled_from(["=", "!=", "~"]), value=TEXTS)
GLOBS = st.text(alphabet="ab*?[]!^-\\.\n", max_size=12)


@given(MATCHERS)
@example(Matcher(name="x", value="a\nb"))
@example(Matcher(name="x", value="~=!"))
def test_what_a_matcher_says_reads_back_as_itself(matcher: Matcher) -> None:
    assert Matcher.parse(str(matcher)) == matcher


@pytest.mark.parametrize(
    "text",
    ["", "market", "=DE", "market DE", "1market=DE", "market!~D*", "mar ket=DE", "a\nb=c", "x" * 101 + "=1", " a=b"],
)
def test_what_is_no_condition_is_told_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="is no condition; write name=value, name!=value or name~glob") as caught:
        Matcher.parse(text)
    assert "\n" not in str(caught.value)


def test_a_value_that_is_too_long_is_told_in_one_line() -> None:
    assert Matcher.parse("market=" + "x" * 200).value == "x" * 200
    with pytest.raises(ValueError, match="200 characters, this one has 201") as caught:
        Matcher.parse("market=" + "x" * 201)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("market=DE", True),
        ("market=de", False),
        ("market=D", False),
        ("market!=DE", False),
        ("market!=FR", True),
        ("market~D*", True),
        ("market~d*", False),
        ("market~*", True),
        ("market~??", True),
        ("market~?", False),
        ("market~DE", True),
        ("market~[D]E", False),
        ("cdn=", True),
        ("cdn!=", False),
        ("cdn~*", True),
        ("cdn~?*", False),
        ("cdn!=a", True),
    ],
)
def test_one_condition(text: str, holds: bool) -> None:
    assert matches([Matcher.parse(text)], {"market": "DE"}) is holds


def test_all_conditions_must_hold_and_none_is_met_by_everything() -> None:
    assert matches([], {})
    assert matches([Matcher.parse("a=1"), Matcher.parse("b=2")], {"a": "1", "b": "2"})
    assert not matches([Matcher.parse("a=1"), Matcher.parse("b=2")], {"a": "1"})


def simple(pattern: str, text: str) -> bool:
    """The glob, letter by letter, by its definition."""
    reached = {0}
    for letter in pattern:
        if letter == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(text) and letter in ("?", text[at])}
    return len(text) in reached


@given(GLOBS, st.text(alphabet="ab[]!^-\\.\n", max_size=12))
def test_a_glob_has_two_special_characters_only(pattern: str, text: str) -> None:
    assert matches([Matcher(name="x", op="~", value=pattern)], {"x": text}) == simple(pattern.strip(), text)


@pytest.mark.parametrize("pattern", ["*a" * 99 + "*b", "*" * 200, "?*" * 100, "*a?" * 66, "a*" * 99 + "b"])
@pytest.mark.timeout(20)  # a search that goes back takes longer than the universe has
def test_a_hostile_glob_is_fast(pattern: str) -> None:
    matcher = Matcher(name="x", op="~", value=pattern)
    for length in (100, 199, 200):
        assert matches([matcher], {"x": "a" * length}) == simple(pattern, "a" * length)


def test_a_text_with_an_operator_inside() -> None:
    assert Matcher.parse("ref=a=b!=c~d") == Matcher(name="ref", op="=", value="a=b!=c~d")
    assert Matcher.parse("ref!=x") == Matcher(name="ref", op="!=", value="x")
