"""The console as the command line starts it: over a reader, with the monitors in force."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from console.access import Access
from console.app import Console
from console.desk import BuildEvidence
from console.people import Holder
from console.server import serving
from livewarden.action import Submit
from livewarden.settings import Settings
from models.plan import Plan
from sinks.reader import Reader


@asynccontextmanager
async def web(
    reader: Reader,
    plan: Plan,
    host: str = "127.0.0.1",
    port: int = 8080,
    access: Access | None = None,
    *,
    submit: Submit | None = None,
    build_evidence: BuildEvidence | None = None,
    secret: str = "",
) -> AsyncIterator[str]:
    """Serve the console while the context lasts; gives its address. Without `submit` nothing can be done in it but to look."""
    monitors = {
        monitor.name: monitor.model_dump(mode="json") | {"config_hash": monitor.config_hash}
        for monitor in plan.monitors
    }
    console = Console(reader, access, monitors, submit=submit, build_evidence=build_evidence, secret=secret)
    async with serving(console, host, port) as address:
        yield address


def access_of(settings: Settings) -> Access:
    """Who may come in, as the settings say."""
    return Access(
        settings.console_token.get_secret_value(),
        settings.console_proxy_header.lower(),
        settings.proxies(),
        {name: Holder(each.token.get_secret_value(), each.role) for name, each in settings.console_people.items()},
        settings.console_role_header.lower(),
        settings.console_roles,
    )


async def interrupted(*others: Awaitable[object]) -> None:
    """Wait for SIGINT or SIGTERM, or until one of `others` ends."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    waits = [asyncio.ensure_future(each) for each in (told.wait(), *others)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
