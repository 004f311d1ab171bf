"""Who may come in, and as whom: the holder of a token, or whoever a trusted proxy vouches for;
else this machine alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from console.identity import LOCAL, SHARED, Holder, Visitor, highest, holder_of, name_of
from console.throttle import Throttle
from livewarden.action import Role
from livewarden.clock import Clock
from livewarden.errors import SetupError

ALIVE = "/alive"
"""The liveness check: the one path that is open to everybody."""


PROXY_SECRET_HEADER = "x-livewarden-proxy"

_log = logging.getLogger(__name__)
Notified = Callable[[str], None]
"""Takes what became of a request that did not come in, for a metric: `wrong_token` or `throttled`."""


@dataclass(frozen=True)
class Access:
    """What opens the console, and who one is then.

    `people`: tokens of persons, by name. `token`: one that all share; it makes an operator of whoever gives it, under
    the name that the browser gave with it. Either is sent as `Authorization: Bearer …`, or as the password that a
    browser asks for. `proxy_header`: a header with the name of the person, believed only from the addresses of
    `proxies`, only where it is there once, and with a `proxy_secret` only beside that secret in the header
    `X-Livewarden-Proxy`. The role is then the highest that `role_header` names, else that of `roles`, else viewer.
    Where nothing is set, requests must name this machine as their host, so that no foreign page can reach in through a
    browser, and whoever sends them is an admin.
    """

    token: str = field(default="", repr=False)
    proxy_header: str = ""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    proxy_secret: str = field(default="", repr=False)
    people: Mapping[str, Holder] = field(default_factory=dict)
    role_header: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether a token opens it."""
        return bool(self.token or self.people)

    @property
    def restricted(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.asks or self.proxy_header)

    def check(self, host: str) -> None:
        """SetupError where `host` would offer everything to everybody."""
        if not self.restricted and not is_loopback(host):
            raise SetupError(
                f"--host {host} is open to others: set LIVEWARDEN_CONSOLE_PEOPLE, LIVEWARDEN_CONSOLE_TOKEN, or"
                " LIVEWARDEN_CONSOLE_PROXY_HEADER"
            )

    def warnings(self) -> list[str]:
        """What a person who starts a console like this should know, a line each."""
        if not self.restricted:
            return ["The console asks for nothing: every process and every user of this machine is an admin in it."]
        if self.proxy_header and not self.proxy_secret:
            return [
                f"Every process at {', '.join(self.proxies)} can write the header {self.proxy_header} and be anybody "
                "in the"
                " console: set LIVEWARDEN_CONSOLE_PROXY_SECRET, and let the proxy send it as X-Livewarden-Proxy"
            ]
        return []

    def _of_proxy(self, headers: Headers) -> bool:
        return not self.proxy_secret or _is(self.proxy_secret, _only(headers, PROXY_SECRET_HEADER))

    def visitor(self, headers: Headers, peer: str) -> Visitor | None:
        """Who sends a request with these headers from that address; None where it may not even see the pages."""
        if not self.restricted:
            here = is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
            return Visitor(LOCAL, "admin") if here else None
        if self.proxy_header and peer in self.proxies and self._of_proxy(headers):
            name = name_of(_only(headers, self.proxy_header))
            if name is not None:
                role = highest(_only(headers, self.role_header)) if self.role_header else None
                return Visitor(name, role or self.roles.get(name, "viewer"))
        user, token = _presented(headers.get("authorization", ""))
        person = holder_of(token, self.people)
        if person is not None:
            return Visitor(person, self.people[person].role)
        if self.token and _is(self.token, token):
            called = name_of(user)
            return Visitor(SHARED if called is None or called in self.people else called, "operator")
        return None


class Gate:
    """Lets requests of visitors through to `app`, with who they are in `state`; answers the others itself, in one line.

    Wrong tokens are counted by address, notified to `notified` and to the log (the first of a minute and the one that
    is too many), and an address with too many of them is answered 429 until the minute is over.
    """

    def __init__(self, app: ASGIApp, access: Access, clock: Clock, notified: Notified | None = None) -> None:
        self._app = app
        self._access = access
        self._clock = clock
        self._notified = notified or (lambda what: None)
        self._throttle = Throttle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] != ALIVE:
            peer = (scope.get("client") or ("",))[0]
            found = self._visitor(Headers(scope=scope), peer)
            if not isinstance(found, Visitor):
                await found(scope, receive, send)
                return
            scope.setdefault("state", {})["visitor"] = found
        await self._app(scope, receive, send)

    def _visitor(self, headers: Headers, peer: str) -> Visitor | PlainTextResponse:
        now_ms = self._clock.now_ms()
        guesses = self._access.asks and bool(_presented(headers.get("authorization", ""))[1])
        if guesses and self._throttle.refuses(peer, now_ms):
            self._notified("throttled")
            wait = {"Retry-After": str(60 - now_ms // 1000 % 60)}
            return PlainTextResponse("Too many wrong tokens: wait a minute.\n", 429, wait)
        found = self._access.visitor(headers, peer)
        if found is not None:
            if guesses:
                self._throttle.right(peer)
            return found
        if guesses:
            first = self._throttle.wrong(peer, now_ms)
            self._notified("wrong_token")
            if first or self._throttle.refuses(peer, now_ms):
                _log.warning("the console was given a wrong token from %s", peer)
        return self._refusal()

    def _refusal(self) -> PlainTextResponse:
        if self._access.asks:
            asked = {"WWW-Authenticate": 'Basic realm="livewarden: your name, the token as password", charset="UTF-8"'}
            return PlainTextResponse("This console asks for its token.\n", 401, asked)
        if self._access.proxy_header:
            return PlainTextResponse("This console is reached through its proxy only.\n", 403)
        return PlainTextResponse("Without a token this console answers to 127.0.0.1 and localhost only.\n", 403)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _only(headers: Headers, name: str) -> str:
    """A header that is there once, as UTF-8 where it is that; empty otherwise: two of them may be of two senders."""
    found = headers.getlist(name)
    if len(found) != 1:
        return ""
    try:
        return found[0].encode("latin-1").decode()
    except UnicodeDecodeError:
        return found[0]


def _presented(authorization: str) -> tuple[str, str]:
    """The user, where one is named, and the token."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return "", value.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            return user, password
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
    return "", ""


def _is(token: str, presented: str) -> bool:
    return hmac.compare_digest(token.encode(), presented.encode("utf-8", errors="surrogateescape"))
