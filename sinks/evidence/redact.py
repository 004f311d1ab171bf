"""Pseudonyms for those whom events are about: the same one for the same id all through a package, and in no other."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sinks.sql import quoted

IDENTIFIERS: Final = ("creator_id", "shop_id", "subject_id", "room_id")
"""Fields that name a person, a shop, or what leads to one."""
LISTS: Final = ("refs", "products")
"""Fields that list such names among others."""
SHORTEST: Final = 4
"""Characters that an id must have to be looked for in sentences; a shorter one is too often a number or a market."""
_DIGITS = 16
_WORD = re.compile(r"\S+")
_PART = re.compile(r"[^\s,;:()\[\]{}\"'=<>·→]+")
_AROUND = ",;:()[]{}\"'<>.!?"
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)


class Pseudonyms:
    """Replaces ids by HMAC-SHA-256 under `salt`, cut to 64 bits. Whoever has no salt cannot go back, nor try ids out.

    >>> names = Pseudonyms(b"salt")
    >>> names.learn({"series": {"shop_id": "shop-77"}})
    >>> names.plain({"shop_id": "shop-77", "market": "DE", "words": "Spike · shop-77: 257 in 15m"})
    {'shop_id': 'p-b1669f0899affacf', 'market': 'DE', 'words': 'Spike · p-b1669f0899affacf: 257 in 15m'}
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._known: set[str] = set()

    def of(self, value: str) -> str:
        """The pseudonym of an id; an empty one, which stands for unknown, stays."""
        if not value:
            return value
        return "p-" + hmac.new(self._salt, value.encode(), hashlib.sha256).hexdigest()[:_DIGITS]

    def add(self, values: Iterable[str]) -> None:
        """Look for these ids in sentences from now on."""
        self._known.update(value for value in values if value)

    def learn(self, value: Any) -> None:
        """Look for those ids in sentences that stand in their fields in a JSON value, however deep."""
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if _hidden(name):
                    self.add(each for each in _listed(inner) if isinstance(each, str))
                self.learn(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                self.learn(inner)

    def plain(self, value: Any) -> Any:
        """A JSON value without ids: the fields that hold them, and the sentences that name one that is known."""
        if isinstance(value, Mapping):
            return {name: self._field(inner) if _hidden(name) else self.plain(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """A sentence without the ids that are known."""
        return _WORD.sub(lambda found: self._word(found[0]), text)

    def sql(self, sql: str) -> str:
        """A query whose literals name no id that is known. What it selects is another thing then,
        so it is to read only.
        """
        return _LITERAL.sub(lambda found: self._literal(found[0], found[1]), sql)

    def query(self, sql: str, columns: Mapping[str, str], order: str) -> tuple[str, dict[str, Any]]:
        """The same query, redacted by ClickHouse while it reads, with the values of its places.

        `columns`: what is to be redacted, as `id`, `data` (an event's JSON) or `series` (a map of dimensions).
        """
        parts = ", ".join(f"{_REDACTED[kind] % {'c': f'`{name}`'}} AS `{name}`" for name, kind in columns.items())
        key = self._salt if len(self._salt) <= 64 else hashlib.sha256(self._salt).digest()
        pads = {
            name: bytes(byte ^ pad for byte in key.ljust(64, b"\0")).hex()
            for name, pad in (("inner", 0x36), ("outer", 0x5C))
        }
        values = pads | {"identifiers": list(IDENTIFIERS), "lists": list(LISTS)}
        return f"SELECT * REPLACE ({parts}) FROM (\n{sql}\n)\n{order}", values

    def _field(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.of(value)
        if isinstance(value, list | tuple):
            return [self._field(each) for each in value]
        return self.plain(value)

    def _word(self, word: str) -> str:
        bare = word.strip(_AROUND)
        if self._named(bare):
            return word.replace(bare, self.of(bare))
        return _PART.sub(lambda found: self._part(found[0]), word)

    def _part(self, part: str) -> str:
        bare = part.rstrip(".!?")
        return self.of(bare) + part[len(bare) :] if self._named(bare) else part

    def _named(self, word: str) -> bool:
        return len(word) >= SHORTEST and word in self._known

    def _literal(self, whole: str, inner: str) -> str:
        value = re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)
        return quoted(self.of(value)) if value in self._known else whole


def _hidden(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last in IDENTIFIERS or last in LISTS


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


_PSEUDONYM = (
    "if(%(v)s = '', '', concat('p-', substring(lower(hex(SHA256(concat(unhex({outer:String}),"
    f" SHA256(concat(unhex({{inner:String}}), %(v)s)))))), 1, {_DIGITS})))"
)
_ONE = _PSEUDONYM % {"v": "JSONExtractString(concat('[', p.2, ']'), 1)"}
_MANY = f"arrayMap(v -> {_PSEUDONYM % {'v': 'v'}}, JSONExtract(p.2, 'Array(String)'))"
_REDACTED = {
    "id": _PSEUDONYM % {"v": "%(c)s"},
    "data": "concat('{', arrayStringConcat(arrayMap(p -> concat(toJSONString(p.1), ':', multiIf("
    f"p.1 IN {{identifiers:Array(String)}} AND startsWith(p.2, '\"'), toJSONString({_ONE}),"
    f" p.1 IN {{lists:Array(String)}} AND startsWith(p.2, '['), toJSONString({_MANY}), p.2)),"
    " JSONExtractKeysAndValuesRaw(%(c)s)), ','), '}')",
    "series": (
        "mapApply((k, v) -> (k, if(arrayElement(splitByChar('.', toString(k)), -1) IN {identifiers:Array(String)}, "
    )
    + _PSEUDONYM % {"v": "v"}
    + ", v)), %(c)s)",
}
