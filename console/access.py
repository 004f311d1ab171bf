"""Who may look: the holder of a token, or whoever a trusted proxy vouches for; without either, this machine alone."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from livewarden.errors import SetupError

ALIVE = "/alive"
"""The liveness check: the one path that is open to everybody."""


@dataclass(frozen=True)
class Access:
    """What opens the console.

    `token`: sent as `Authorization: Bearer …`, or as the password, with any name, that a browser asks for. `proxy_header`:
    a header with the name of the person, believed only from the addresses of `proxies`. Where both are set, either opens.
    Where neither is, requests must name this machine as their host, so that no foreign page can reach in through a browser.
    """

    token: str = field(default="", repr=False)
    proxy_header: str = ""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")

    @property
    def restricted(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.token or self.proxy_header)

    def check(self, host: str) -> None:
        """SetupError where `host` would offer everything to everybody."""
        if not self.restricted and not is_loopback(host):
            raise SetupError(
                f"--host {host} is open to others: set LIVEWARDEN_CONSOLE_TOKEN, or LIVEWARDEN_CONSOLE_PROXY_HEADER"
            )

    def admits(self, headers: Headers, peer: str) -> bool:
        """Whether a request with these headers, from that address, may see the pages."""
        if not self.restricted:
            return is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
        vouched = self.proxy_header and peer in self.proxies and headers.get(self.proxy_header, "").strip()
        return bool(vouched) or (bool(self.token) and _is(self.token, _presented(headers.get("authorization", ""))))


class Gate:
    """Lets requests through to `app` that `access` admits; answers the others itself, in one line."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] != ALIVE:
            peer = (scope.get("client") or ("",))[0]
            if not self._access.admits(Headers(scope=scope), peer):
                await self._refusal()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self) -> PlainTextResponse:
        if self._access.token:
            asked = {"WWW-Authenticate": 'Basic realm="livewarden: any name, the token as password", charset="UTF-8"'}
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


def _presented(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _is(token: str, presented: str) -> bool:
    return hmac.compare_digest(token.encode(), presented.encode("utf-8", errors="surrogateescape"))
