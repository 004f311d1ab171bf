"""An explanation as it is stored (JSON) in parts that a page can show; what it does not know, it shows as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from livewarden.times import parse_ms

MOST_LINES = 120
MOST_CHARACTERS = 200
MOST_DEPTH = 6


class Line(NamedTuple):
    """One line of a tree of JSON values."""

    depth: int
    name: str
    text: str


@dataclass(frozen=True)
class ShownCause:
    """A slice, its part of the change, how often its rate is the usual one, and the same in words."""

    slice: Mapping[str, str]
    share: float | None = None
    risk_ratio: float | None = None
    words: str = ""


@dataclass(frozen=True)
class Explained:
    """`text` in one or two sentences; causes and alternatives, the likeliest first.

    `verdict`, `strength`, `speaks` (for it), `against`. `anatomy`: what its score is made of. `rest` is all else, line
    by line.
    """

    text: str = ""
    verdict: str = ""
    strength: str = ""
    speaks: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    runner_up: str = ""
    anatomy: str = ""
    none: bool = False
    causes: tuple[ShownCause, ...] = ()
    alternatives: tuple[ShownCause, ...] = ()
    onset_ms: int | None = None
    rest: tuple[Line, ...] = field(default=())


def read(stored: str | None) -> Explained | None:
    """The parts of a stored explanation; None where there is none. Whatever the text holds, this does not fail.

    >>> read('{"slices": {"causes": []}, "verdict": {"verdict": "POLICY"}}').verdict
    'policy'
    >>> read("rubbish").text
    'rubbish'
    """
    if stored is None or stored in ("", "null"):
        return None
    try:
        found = json.loads(stored)
    except (ValueError, RecursionError):
        return Explained(text=stored[:2_000])
    if not isinstance(found, dict):
        return Explained(rest=tuple(tree(found)))
    slices, card = found.get("slices"), found.get("verdict")
    slices = slices if isinstance(slices, dict) else found
    card = card if isinstance(card, dict) else {"verdict": card}
    causes, alternatives = _causes(slices.get("causes")), _causes(slices.get("alternatives"))
    shown = {"text", "verdict", "onset"}
    rest = {name: value for name, value in found.items() if name not in shown}
    if isinstance(rest.get("slices"), dict):
        rest["slices"] = {n: v for n, v in rest["slices"].items() if n not in ("causes", "alternatives", "none")}
    rest = {n: v for n, v in rest.items() if n not in ("causes", "alternatives", "none")}
    return Explained(
        text=_text(found.get("text")),
        verdict=_text(card.get("verdict")).replace("_", " ").lower(),
        strength=_text(card.get("strength")),
        speaks=_texts(card.get("for")),
        against=_texts(card.get("against")),
        runner_up=_text(card.get("runner_up")).replace("_", " ").lower(),
        anatomy=_text((found.get("anatomy") or {}).get("words")) if isinstance(found.get("anatomy"), dict) else "",
        none=slices.get("none") is True and not causes,
        causes=causes,
        alternatives=alternatives,
        onset_ms=_instant(found.get("onset")),
        rest=tuple(tree(rest)),
    )


def tree(value: Any) -> list[Line]:
    """A JSON value line by line, cut off where it is very long or deep.

    >>> tree({"a": {"b": 1}, "c": [True, None]})
    [Line(depth=0, name='a', text=''), Line(depth=1, name='b', text='1'), Line(depth=0, name='c', text='true, null')]
    """
    lines: list[Line] = []
    _grow(lines, value, 0, "")
    return [*lines[:MOST_LINES], Line(0, "", "… more is stored")] if len(lines) > MOST_LINES else lines


def _grow(lines: list[Line], value: Any, depth: int, name: str) -> None:
    if len(lines) > MOST_LINES:
        return
    plain = not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(v, dict | list) for v in value)
    )
    if plain or depth >= MOST_DEPTH:
        lines.append(Line(depth, _cut(name), _plain(value)))
        return
    if name:
        lines.append(Line(depth, _cut(name), ""))
    children = value.items() if isinstance(value, dict) else ((str(n), v) for n, v in enumerate(value, start=1))
    for child, inner in children:
        _grow(lines, inner, depth + 1 if name else depth, str(child))


def _plain(value: Any) -> str:
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return _cut(", ".join(map(_plain, value[:MOST_CHARACTERS])))
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _causes(value: Any) -> tuple[ShownCause, ...]:
    return tuple(
        ShownCause(
            {str(n): _text(v) for n, v in each["slice"].items()},
            _number(each.get("share")),
            _number(each.get("risk_ratio")),
            _text(each.get("words")),
        )
        for each in (value if isinstance(value, list) else [])[:10]
        if isinstance(each, dict) and isinstance(each.get("slice"), dict)
    )


def _number(value: Any) -> float | None:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else None
    )


def _text(value: Any) -> str:
    return "" if value is None else _cut(value, 600) if isinstance(value, str) else _plain(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value[:12])) if isinstance(value, list) else ()


def _instant(value: Any) -> int | None:
    try:
        return parse_ms(value) if isinstance(value, str) else None
    except ValueError:
        return None
