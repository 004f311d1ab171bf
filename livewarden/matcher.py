"""Conditions on an alert as people write them, and whether they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from pydantic import ValidationError

from livewarden.action import Matcher, Operator

_TEXT = re.compile(r"([A-Za-z_][A-Za-z0-9_.]{0,99})(!=|=|~)(.*)", re.DOTALL)
_OPERATORS: Mapping[str, Operator] = {"=": "=", "!=": "!=", "~": "~"}


def parse(text: str) -> Matcher:
    """The condition that a text such as `market=DE` is. Reads back whatever `str` of a Matcher gives, to the letter.

    Spaces count; the value may be empty, which asks for a name that the alert has not. A ValueError of one line says
    what a condition looks like.

    >>> parse("market!=DE"), str(parse("policy_id~LIVE-*"))
    (Matcher(name='market', op='!=', value='DE'), 'policy_id~LIVE-*')
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:100]!r} is no condition; write name=value, name!=value or name~glob")
    try:
        return Matcher(name=found[1], op=_OPERATORS[found[2]], value=found[3])
    except ValidationError as error:
        raise ValueError(f"{found[1]}: a value has at most 200 characters, this one has {len(found[3])}") from error


def matches(matchers: Iterable[Matcher], facts: Mapping[str, str]) -> bool:
    """Whether all conditions hold; none is met by everything. Upper and lower case differ.

    `*` stands for any text, `?` for any one character, nothing else is special. A fact that is not there is the empty
    text, so `market!=DE` holds for an alert without a market. Any pattern takes at most about its length times the
    text's: a star takes what it first can and is not tried again.

    >>> matches([parse("market=DE"), parse("policy_id~LIVE-?")], {"market": "DE", "policy_id": "LIVE-7"})
    True
    """
    return all(_holds(each, facts.get(each.name, "")) for each in matchers)


def _holds(matcher: Matcher, value: str) -> bool:
    if matcher.op == "~":
        return fnmatchcase(value, matcher.value.replace("[", "[[]"))  # a bracket would begin a set of characters
    return (value == matcher.value) == (matcher.op == "=")
