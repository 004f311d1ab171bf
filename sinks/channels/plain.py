"""Text that stays text, wherever it is shown: no mention, no markup, nothing invisible."""

from __future__ import annotations

import re

_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_MENTION = re.compile(r"@(?=everyone|here|channel|all\b|room\b)|(?<!\w)@(?=[\w&!])", re.IGNORECASE)
_TAGGED = re.compile(r"<(?=[!@#]|at[ >]|users/)", re.IGNORECASE)
"""What Slack, Teams, Discord and Google Chat take for a mention, a channel or all of its people."""
_URL = re.compile(r"(https?://[A-Za-z0-9._~:/?#@!$&'+,;=%-]+)")
_MARKUP = re.compile(r"[\\`*_\[\]<>|~#&]|^[ \t]*[-+=](?=[-+=\s]|$)|^[ \t]*\d{1,9}[.)](?=\s|$)", re.MULTILINE)


def plain(text: str) -> str:
    """The text without control characters and marks of direction, and with every mention broken by a space of no width.

    A line break stays; an e-mail address stays.

    >>> plain("ask @here or ops@example.org\\x00") == "ask @\\u200bhere or ops@example.org"
    True
    """
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").encode("utf-8", "replace").decode())
    return _MENTION.sub("@\u200b", _TAGGED.sub("<\u200b", text))


def one_line(text: str) -> str:
    """`plain`, and in one line.

    >>> one_line("Orders\\n  fell")
    'Orders fell'
    """
    return " ".join(plain(text).split())


def markdown(text: str) -> str:
    """CommonMark that shows `plain(text)` to the letter. Addresses stay as they are, so that they lead somewhere.

    >>> print(markdown("*bold* [x](http://a.example/b_c)"))
    \\*bold\\* \\[x\\](http://a.example/b_c)
    """
    parts = _URL.split(plain(text))
    return "".join(part if index % 2 else _escaped(part) for index, part in enumerate(parts))


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)
