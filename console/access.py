"""Who may come in, and as whom: the holder of a token, or whoever a trusted proxy vouches for; else this machine alone."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from console.people import LOCAL, SHARED, Holder, Visitor, highest, holder_of, name_of
from livewarden.action import Role
from livewarden.errors import SetupError

ALIVE = "/alive"
"""The liveness check: the one path that is open to everybody."""


@dataclass(frozen=True)
class Access:
    """What opens the console, and who one is then.

    `people`: tokens of persons, by name. `token`: one that all share; it makes an operator of whoever gives it, under the
    name that the browser gave with it. Either is sent as `Authorization: Bearer …`, or as the password that a browser asks
    for. `proxy_header`: a header with the name of the person, believed only from the addresses of `proxies`, and only
    where it is there once. The role is then the highest that `role_header` names, else that of `roles`, else viewer.
    Where nothing is set, requests must name this machine as their host, so that no foreign page can reach in through a
    browser, and whoever sends them is an admin.
    """

    token: str = field(default="", repr=False)
    proxy_header: str = ""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
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

    def visitor(self, headers: Headers, peer: str) -> Visitor | None:
        """Who sends a request with these headers from that address; None where it may not even see the pages."""
        if not self.restricted:
            here = is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
            return Visitor(LOCAL, "admin") if here else None
        if self.proxy_header and peer in self.proxies:
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
    """Lets requests of visitors through to `app`, with who they are in `state`; answers the others itself, in one line."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] != ALIVE:
            peer = (scope.get("client") or ("",))[0]
            found = self._access.visitor(Headers(scope=scope), peer)
            if found is None:
                await self._refusal()(scope, receive, send)
                return
            scope.setdefault("state", {})["visitor"] = found
        await self._app(scope, receive, send)

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
