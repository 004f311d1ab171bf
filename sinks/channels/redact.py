"""What may be said of a failure: never the address, or a part of it."""

from __future__ import annotations

import re
from urllib.parse import unquote

LONGEST = 200
"""Characters of a reason."""
_SHORTEST = 3
_URL = re.compile(r"\w[\w+.-]*://\S+")


def redact(message: str, url: str) -> str:
    """The message as one line, with `…` for every URL and every part of `url` of at least three characters.

    >>> redact("no token\\nabc for 10.0.0.7: https://x.y/z", "json://user:abc@10.0.0.7/")
    'no token … for …: …'
    """
    text = _URL.sub("…", message)
    for part in sorted(_parts(url), key=len, reverse=True):
        text = re.sub(re.escape(part), "…", text, flags=re.IGNORECASE)
    return " ".join(text.split())[:LONGEST]


def _parts(url: str) -> set[str]:
    """All that stands between the marks of an address, as it is written and as it is meant; its scheme is no secret."""
    _, _, rest = url.partition("://")
    written = {rest}
    for marks in (r"[/?&=#,;@\s]+", ":", r"\+"):
        written |= {part for each in written for part in re.split(marks, each)}
    return {part for each in written for part in (each, unquote(each)) if len(part) >= _SHORTEST}
