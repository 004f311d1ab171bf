"""Texts without what names a person or a shop: e-mail addresses, phones, IBANs, order numbers, names that are given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_EMAIL: Final = re.compile(r"[\w.+%-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+(?:\s?(?:\.|\(dot\)|\[dot\])\s?[\w-]+)+", re.I)
_URL: Final = re.compile(r"(?:https?://|www\.)\S+", re.I)
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}\b", re.I)
_CODE: Final = re.compile(r"#\s?[\w-]*\d[\w-]*|\b(?=[\w-]*\d{3})(?=[\w-]*[A-Za-z])\w[\w-]{4,}\b")
_PHONE: Final = re.compile(r"(?<!\w)(?:\+|00)?\(?\d(?:[\s()/.-]{0,2}\d){5,}(?!\w)")


class Scrubber:
    """Takes out of a text what names somebody; each thing leaves its kind behind.

    Too much goes rather than too little: a date of eight digits goes as a phone. It does badly on names that nobody
    gave it, and on numbers that are written as words.

    >>> Scrubber(["Blumen Maier"])("Ask BLUMEN  Maier, +49 170 1234567, a.b@shop.example about order #A-4711")
    'Ask [name], [number], [e-mail] about order [code]'
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        parts = sorted({_plain(each).casefold() for each in names if len(each.strip()) > 1}, key=len, reverse=True)
        words = [r"[\s_-]*".join(map(re.escape, re.split(r"[\s_-]+", each.strip()))) for each in parts]
        self._names = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.I) if words else None

    def __call__(self, text: str) -> str:
        """The text, on one line, in compatibility form (NFKC), scrubbed."""
        text = _plain(text)
        if self._names is not None:
            text = self._names.sub("[name]", text)
        for pattern, kind in (
            (_EMAIL, "e-mail"),
            (_URL, "address"),
            (_IBAN, "account"),
            (_PHONE, "number"),
            (_CODE, "code"),
        ):
            text = pattern.sub(f"[{kind}]", text)
        return text


def _plain(text: str) -> str:
    """One line in compatibility form: wide digits become digits, what is not seen goes."""
    normal = unicodedata.normalize("NFKC", text)
    return " ".join("".join(each for each in normal if each.isspace() or unicodedata.category(each)[0] != "C").split())
