"""Contracts as structs of msgspec: the fast path of decoding, made out of the pydantic models, never instead of them.

A body that a struct takes, and that passes `Quick.proven`, is valid by its contract and says the same: the same values
and the same canonical JSON. What is not taken may be valid all the same; pydantic decides, and words every mistake. So
a struct may be stricter than its contract (an inner part, a fraction, a list, an unknown field: not taken), not laxer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from livewarden.contracts import CONTRACTS, Contract, PlatformChange
from livewarden.contracts.base import Currency, Flag, Id, Instant, Label, Language, Market
from livewarden.times import format_ms, parse_ms

StructBody = Any
"""A struct: the attributes of its contract, instants as canonical text."""
Proof = Callable[[Iterable[str]], bool]

_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_MOST_KNOWN: Final = 50_000
_TEXT: Final = {Id: (1, 256), Label: (1, 200), Market: (2, 2), Currency: (3, 3), Language: (2, 35), Instant: (20, 20)}


def unspaced(texts: Iterable[str]) -> bool:
    """Whether no text has white space in it; what Python calls white space includes all that the contracts do.

    >>> unspaced(["a", "b"]), unspaced(["a", "b c"]), unspaced([" "]), unspaced([])
    (True, False, False, True)
    """
    joined = "".join(texts)
    return joined.split(None, 1) == [joined][: len(joined)]


class _Matching:
    """Whether every text matches; a text is looked at once, as long as there are not too many of them."""

    def __init__(self, matches: Callable[[str], bool]) -> None:
        self._matches = matches
        self._known: set[str] = set()

    def __call__(self, texts: Iterable[str]) -> bool:
        fresh = set(texts) - self._known
        if not all(map(self._matches, fresh)):
            return False
        if len(self._known) + len(fresh) > _MOST_KNOWN:
            self._known.clear()
        self._known |= fresh
        return True


def _canonical(text: str) -> bool:
    try:
        return bool(_SECOND.fullmatch(text)) and format_ms(parse_ms(text)) == text
    except ValueError:
        return False


def _pattern(pattern: str) -> _Matching:
    compiled = re.compile(pattern, re.ASCII)
    return _Matching(lambda text: compiled.fullmatch(text) is not None)


_PROOFS: Final[dict[Any, Proof]] = {
    Id: unspaced,
    Market: _pattern("[A-Z]{2}"),
    Currency: _pattern("[A-Z]{3}"),
    Language: _pattern("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*"),
    Instant: _Matching(_canonical),
}


class Quick:
    """One contract's fast path.

    >>> quick = QUICK["eu.liveshop.room.lifecycle.v1"]
    >>> body = quick.decode(b'{"room_id":"r1","state":"ENDED"}')
    >>> quick.proven([body]), quick.encode(body)
    (True, b'{"weight":1,"time_precision":"second","room_id":"r1","state":"ENDED","products":[]}')
    """

    def __init__(self, contract: type[Contract]) -> None:
        self.contract = contract
        hints = get_type_hints(contract, include_extras=True)
        self._proofs: list[tuple[Callable[[StructBody], str | None], Proof]] = []
        self.instants = frozenset(name for name, hint in hints.items() if _apart(hint)[0] == Instant)
        fields: list[Any] = []
        for name, field in contract.model_fields.items():
            kind, optional = _apart(hints[name])
            if kind in _PROOFS:
                self._proofs.append((attrgetter(name), _PROOFS[kind]))
            struct = _struct_type(kind)
            if field.is_required():
                fields.append((name, struct))
            elif field.default is None:
                fields.append((name, struct | None, None))
            else:
                # A factory, even of a constant: what has a plain default would be left out where it is encoded.
                fields.append((name, struct, msgspec.field(default_factory=_constant(field.default))))
            assert optional == (not field.is_required() and field.default is None)
        self.type = msgspec.defstruct(
            contract.__name__,
            fields,
            kw_only=True,
            frozen=True,
            gc=False,
            omit_defaults=True,
            forbid_unknown_fields=True,
            namespace={"type_name": contract.type_name},
        )
        self.decode: Callable[[bytes], StructBody] = msgspec.json.Decoder(self.type).decode
        self.encode: Callable[[StructBody], bytes] = msgspec.json.Encoder().encode

    def proven(self, bodies: Sequence[StructBody]) -> bool:
        """Whether all of them are valid, in what the struct's types do not say."""
        return all(proof(filter(None, map(get, bodies))) for get, proof in self._proofs)


def _apart(hint: Any) -> tuple[Any, bool]:
    """A hint without its None, and whether it had one."""
    if get_origin(hint) in (Union, UnionType):
        kinds = [each for each in get_args(hint) if each is not NoneType]
        if len(kinds) == 1 and len(get_args(hint)) == 2:
            return kinds[0], True
    return hint, False


def _struct_type(kind: Any) -> Any:
    """What msgspec is to decode; a kind that only pydantic reads is taken where it is unset."""
    if kind in _TEXT:
        shortest, longest = _TEXT[kind]
        return Annotated[str, msgspec.Meta(min_length=shortest, max_length=longest)]
    if kind == Flag:
        return bool
    if get_origin(kind) is Literal:
        return kind
    if get_origin(kind) is Annotated and get_args(kind)[0] is int:
        limits = {
            name: getattr(limit, name)
            for part in get_args(kind)[1:]
            for limit in part.metadata
            for name in ("ge", "le")
            if hasattr(limit, name)
        }
        if len(limits) == 2:
            return Annotated[int, msgspec.Meta(**limits)]
    if get_origin(kind) is tuple:
        return Annotated[tuple[None, ...], msgspec.Meta(max_length=0)]
    return NoneType


@cache
def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _plain(contract: type[Contract]) -> bool:
    """Whether its fields are all there is to check."""
    return not contract.__pydantic_decorators__.model_validators


QUICK: Final[dict[str, Quick]] = {
    contract.ce_type(): Quick(contract)
    for contract in CONTRACTS
    if _plain(contract) and contract is not PlatformChange  # the ledger keeps the change itself, and they are few
}
"""By CloudEvents type."""
