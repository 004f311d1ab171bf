"""Conditions on an alert as people write them, and whether they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, ValidationError

from livewarden.contracts.base import Part

Operator = Literal["=", "!=", "~"]
_TEXT = re.compile(r"([A-Za-z_][A-Za-z0-9_.]{0,99})\s*(!=|=|~)(.*)", re.DOTALL)


class Matcher(Part):
    """One condition on an alert: `monitor`, `kind`, `severity`, `direction`, or a dimension of its series.

    `=` and `!=` compare whole texts; `~` takes `*` for any text and `?` for any one character.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,99}$")]
    op: Operator = "="
    value: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]

    def __str__(self) -> str:
        return f"{self.name}{self.op}{self.value}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The condition that a text such as `market=DE` is, and that `str` gives; spaces beside the operator do not
        count.

        The value may be empty, which asks for a name that the alert has not. A ValueError of one line says what a
        condition looks like.

        >>> Matcher.parse("market != DE"), str(Matcher.parse("policy_id~LIVE-*"))
        (Matcher(name='market', op='!=', value='DE'), 'policy_id~LIVE-*')
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:100]!r} is no condition; write name=value, name!=value or name~glob")
        try:
            return cls.model_validate({"name": found[1], "op": found[2], "value": found[3]})
        except ValidationError as error:
            length = len(found[3].strip())
            raise ValueError(f"{found[1]}: a value has at most 200 characters, this one has {length}") from error


def matches(matchers: Iterable[Matcher], facts: Mapping[str, str]) -> bool:
    """Whether all conditions hold; none is met by everything. Upper and lower case differ.

    `*` stands for any text, `?` for any one character, nothing else is special. A fact that is not there is the empty
    text, so `market!=DE` holds for an alert without a market. Any pattern takes at most about its length times the
    text's: a star takes what it first can and is not tried again.

    >>> both = [Matcher.parse("market=DE"), Matcher.parse("policy_id~LIVE-?")]
    >>> matches(both, {"market": "DE", "policy_id": "LIVE-7"})
    True
    """
    return all(_holds(each, facts.get(each.name, "")) for each in matchers)


def _holds(matcher: Matcher, value: str) -> bool:
    if matcher.op == "~":
        return fnmatchcase(value, matcher.value.replace("[", "[[]"))  # a bracket would begin a set of characters
    return (value == matcher.value) == (matcher.op == "=")
