"""Forms come from our own pages: a token in each of them, and what the browser says of where the request began."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from console.identity import Visitor
from livewarden.clock import Clock
from livewarden.times import DAY_MS

_PORTS = {"http": 80, "https": 443}


class CsrfTokens:
    """Tokens for the forms that a visitor is shown; knows its own again, for a day or two.

    `secret`: the same for all consoles behind one address; a fresh one where empty, so that forms do not outlive the
    process.

    >>> from livewarden.clock import ManualClock
    >>> csrf, maria = CsrfTokens("s", ManualClock(0)), Visitor("maria", "operator")
    >>> csrf.holds(csrf.issue(maria), maria), csrf.holds(csrf.issue(maria), Visitor("joe", "operator"))
    (True, False)
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret.encode() or secrets.token_bytes(32)
        self._clock = clock

    def issue(self, visitor: Visitor) -> str:
        """A token for the forms of one page; no two are the same."""
        key = secrets.token_hex(8)
        return f"{key}.{self._of(key, visitor, self._today())}"

    def holds(self, csrf: str, visitor: Visitor) -> bool:
        """Whether this visitor was shown that token today or yesterday."""
        key, _, given = csrf.partition(".")
        today = self._today()
        own = [hmac.compare_digest(self._of(key, visitor, day), given) for day in (today, today - 1) if given.isascii()]
        return any(own)

    def _today(self) -> int:
        return self._clock.now_ms() // DAY_MS

    def _of(self, key: str, visitor: Visitor, day: int) -> str:
        text = f"{key}\n{day}\n{visitor.role}\n{visitor.name}"
        return hmac.new(self._secret, text.encode(), sha256).hexdigest()


def foreign(headers: Headers) -> bool:
    """Whether a browser says that a request began on somebody else's page. A script that says nothing is not foreign.

    >>> foreign(Headers({"host": "console:80", "origin": "http://console:80", "sec-fetch-site": "same-origin"}))
    False
    >>> foreign(Headers({"host": "console:443", "origin": "https://console"}))
    False
    >>> foreign(Headers({"host": "console", "origin": "null"})), foreign(Headers({"sec-fetch-site": "same-site"}))
    (True, True)
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return True
    if origin is None:
        return False
    scheme = origin.partition("://")[0].lower()
    began = _place(origin)
    return began is None or began != _place(f"{scheme}://{headers.get('host', '')}")


def _place(address: str) -> str | None:
    """Host and port of an address, without a port that its scheme has anyway; None where it has no host."""
    try:
        parts = urlsplit(address)
        port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
        return f"{parts.hostname}{port}" if parts.hostname else None
    except ValueError:
        return None
