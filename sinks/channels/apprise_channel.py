"""A channel that is an Apprise URL: Slack, Teams, e-mail, PagerDuty, a webhook, and some hundred more."""

from __future__ import annotations

import logging
import re
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, OverflowMode
from apprise.common import PersistentStoreMode
from apprise.result import AppriseResultStatus
from apprise.utils.parse import parse_urls

from livewarden.errors import MessageRefused, RetryLater, SetupError
from sinks.channels.channel import Outgoing
from sinks.channels.fit import fit
from sinks.channels.plain import markdown, one_line, plain
from sinks.channels.redact import redact

_TYPES = {"critical": NotifyType.FAILURE, "warning": NotifyType.WARNING, "info": NotifyType.INFO}
_REFUSED = re.compile(r"error[=: ]*(400|413|415|422)\b")
"""How Apprise says that a service answered with a status of which HTTP says that the same message will not do either.
"""
_SHOW_TEXT_AS_MARKDOWN = ("NotifyDingTalk", "NotifyDiscord", "NotifyGuilded", "NotifyMattermost")
"""Services that Apprise hands plain text to as it is, and whose readers' screens take it for Markdown."""


class AppriseChannel:
    """Sends through Apprise (https://appriseit.com), without its retries: the outbox tries again.

    `url` leads to exactly one receiver; otherwise SetupError, for a failed one of several would repeat the others.
    `called` is how the messages name the URL: the variable it came from. A service that has not answered after
    `timeout_s` seconds counts as failed; one that takes longer and accepts gets the notification again. A redirect
    counts as failed, too.

    Texts are shown to the letter. Generic webhooks (`json`, `form`, `xml`) get `notification_id`, `incident_id`,
    `cause`, `severity` and `link` as fields beside Apprise's own. PagerDuty, GoAlert, iLert, incident.io and Squadcast
    get one incident for ours, which our end resolves; Opsgenie gets one alert for it, which our end adds to and people
    close.

    >>> AppriseChannel("x", "nonsense://a", called="X_URL")
    Traceback (most recent call last):
    livewarden.errors.SetupError: channel 'x': X_URL holds no address that Apprise knows
    """

    def __init__(self, name: str, url: str, *, called: str, timeout_s: float = 10.0) -> None:
        _keep_addresses_out_of_logs()
        self.name = name
        self._url = url.strip()
        self._timeout_s = timeout_s
        self._asset = AppriseAsset(
            app_id="livewarden",
            app_desc="livewarden",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            interpret_emojis=False,
            http_redirects=False,
            storage_mode=PersistentStoreMode.MEMORY,
            service_timeout=2 * timeout_s,
            allow_templates=False,
        )
        if len(parse_urls(self._url)) > 1:
            raise SetupError(f"channel {name!r}: {called} holds several addresses; make a channel for each")
        service = self._service()
        if service is None:
            raise SetupError(f"channel {name!r}: {called} holds no address that Apprise knows")
        if len(service) != 1:
            advice = "make a channel for each" if len(service) else "name one in it"
            raise SetupError(f"channel {name!r}: {called} leads to {len(service)} receivers; {advice}")

    async def send(self, outgoing: Outgoing) -> None:
        """See `Channel.send`."""
        service = self._service()
        _enrich(service, outgoing)
        sender = Apprise(asset=self._asset)
        sender.add(service)
        text = outgoing.body or outgoing.title
        if outgoing.link and outgoing.link not in text:
            text = f"{text}\n\n{outgoing.link}"
        title, room = _fitting(service, one_line(outgoing.title), text)
        if not _speaks_markdown(service):
            content, body_format = {"title": title, "body": fit(plain(text), outgoing.link, room)}, NotifyFormat.TEXT
        elif _calls_people(service):
            shown = fit(_lines(markdown(text)), outgoing.link, room)
            content, body_format = {"title": title, "body": shown}, NotifyFormat.MARKDOWN
        else:
            shown = fit(_lines(markdown(text)), outgoing.link, room)
            content = {"body": f"**{markdown(title)}**\n\n{shown}"}
            body_format = NotifyFormat.MARKDOWN
        kind = NotifyType.SUCCESS if outgoing.cause == "resolved" else _TYPES.get(outgoing.severity, NotifyType.WARNING)
        result = await sender.async_notify(**content, body_format=body_format, notify_type=kind)
        if result.status != AppriseResultStatus.SUCCESS:
            reason = self._reason(result)
            raise MessageRefused(reason) if _REFUSED.search(reason) else RetryLater(reason)

    def _service(self) -> Any:
        service = Apprise.instantiate(self._url, asset=self._asset)
        if service is not None:
            service.retry, service.optional = 0, False
            service.socket_connect_timeout = min(service.socket_connect_timeout, self._timeout_s)
            service.socket_read_timeout = self._timeout_s
            if service.overflow_mode == OverflowMode.UPSTREAM:
                service.overflow_mode = OverflowMode.TRUNCATE
        return service

    def _reason(self, result: Any) -> str:
        if result.status == AppriseResultStatus.TIMEOUT:
            return f"no answer within {2 * self._timeout_s:g} s"
        said = next((entry.message for entry in result.logs()), "not taken, and Apprise does not say why")
        return redact(said, self._url)


def _fitting(service: Any, title: str, text: str) -> tuple[str, int]:
    """The title, and how long a text may be, so that Apprise cuts neither; most services have the title in the text.

    Apprise counts after it has turned the text into what a service shows, which may be longer: an eighth is left for
    that, and where that is HTML, what it may make of spaces and marks.
    """
    whole = service.body_maxlen
    most = max(whole // 3, 60)
    title = title if len(title) <= most else f"{title[: most - 1]}…"
    room = whole - whole // 8 - len(markdown(title)) - 16
    if NotifyFormat.HTML in _formats(service):
        room = room * len(text) // (len(text) + 9 * sum(text.count(mark) for mark in " &<>\"'"))
    return title, room


def _speaks_markdown(service: Any) -> bool:
    return _formats(service) == {NotifyFormat.MARKDOWN} or type(service).__name__ in _SHOW_TEXT_AS_MARKDOWN


def _formats(service: Any) -> set[Any]:
    return set(service.notify_format if isinstance(service.notify_format, tuple) else (service.notify_format,))


def _calls_people(service: Any) -> bool:
    """Whether it is one of the services that keep incidents of their own; their titles are plain text."""
    return hasattr(service, "dedup")


def _lines(text: str) -> str:
    """Line breaks that Markdown keeps."""
    return re.sub(r"(?<!\n)\n(?!\n)", "  \n", text)


def _enrich(service: Any, outgoing: Outgoing) -> None:
    """Ids, where the receiver can use them; what the URL itself says stays."""
    if type(service).__name__ in ("NotifyJSON", "NotifyForm", "NotifyXML"):
        for name in ("notification_id", "incident_id", "cause", "severity", "link"):
            service.payload_extras.setdefault(name, getattr(outgoing, name))
    elif type(service).__name__ == "NotifyOpsgenie":
        service.alias = service.alias or outgoing.incident_id or None
        service.action = "new" if service.action == "map" else service.action  # a map drops notes on alerts it forgot
    elif _calls_people(service) and outgoing.incident_id:
        service.dedup = service.dedup or outgoing.incident_id
        service.action = "map" if service.action == "trigger" else service.action


def _keep_addresses_out_of_logs() -> None:
    """Apprise and urllib3 write addresses with their tokens into their logs, at DEBUG;
    failures are notified by `send`.
    """
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logging.getLogger("urllib3").setLevel(logging.WARNING)
