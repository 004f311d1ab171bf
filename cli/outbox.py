"""`livewarden outbox`: who was notified what, and which channels take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.act import Limit, Url, look
from cli.common import AsJson, print_json
from cli.show import print_notifications, print_part, print_rows, when

if TYPE_CHECKING:
    from sinks.queries.notifications import ChannelLoad
    from sinks.store.reader import Reader
    from sinks.store.records import NotificationRecord

app = typer.Typer(help="Notifications and the channels that they go through.")


@dataclass(frozen=True)
class OutboxPage:
    """Channels, and notifications."""

    channels: list[ChannelLoad]
    notifications: list[NotificationRecord]


@app.command("list")
def list_(
    state: Annotated[Literal["pending", "claimed", "sent", "given_up"] | None, typer.Option(help="Only these.")] = None,
    channel: Annotated[str, typer.Option(help="Only those of this channel.", show_default=False)] = "",
    limit: Limit = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Channels, those that are down first; then notifications, those not sent first, then the newest.

    Example: livewarden outbox list --state pending
    """
    from sinks.queries import notifications

    async def page(reader: Reader) -> OutboxPage:
        sent = await notifications.find(reader, state=state or "", channel=channel, limit=limit)
        return OutboxPage(await notifications.channels(reader), sent)

    found = look(url, page)
    if as_json:
        print_json(found)
        return
    rows = [(e.channel, e.state, when(e.since), e.failures, e.error) for e in found.channels]
    print_rows("no channel was used yet", ("channel", "state", "since", "failures", "error"), rows, right=("failures",))
    print_part("Notifications")
    print_notifications("no notification", found.notifications)
