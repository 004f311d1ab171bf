"""The console as the command line starts it: over a reader, with the monitors in force."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.radius import StoredRadius
from cli.shelf import StoredLibrary
from console.access import Access
from console.app import Console
from console.context import BuildEvidence
from console.identity import Holder
from console.server import serving
from livewarden.action import Submit
from livewarden.clock import Clock
from livewarden.settings import Settings
from livewarden.times import format_ms
from models.monitors.plan import Plan
from sinks.evidence.build import build, short_name
from sinks.store.reader import Reader
from streams import telemetry


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
    packages: Path | None = None,
    secret: str = "",
    root: str = "",
) -> AsyncIterator[str]:
    """Serve the console while the context lasts; gives its address. Without `submit` nothing can be done in it but to
    look.

    `packages`: the folder that `build_evidence` writes to.
    """
    console = Console(
        reader,
        access,
        plan.described,
        submit=submit,
        build_evidence=build_evidence,
        packages=packages,
        secret=secret,
        root=root,
        library=StoredLibrary(reader),
        radius=StoredRadius(reader),
        notified=lambda what: telemetry.count("livewarden_console_refused", what),
    )
    async with serving(console, host, port) as address:
        yield address


def evidence_in(folder: Path, reader: Reader, plan: Plan, clock: Clock) -> BuildEvidence:
    """What builds evidence packages into a folder, with pseudonyms for whom they are about."""

    async def build_evidence(case_id: str) -> Packed:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        now_ms = clock.now_ms()
        name = f"{short_name(case_id)}-{format_ms(now_ms).replace(':', '').replace('.', '-')}.evidence.zip"
        built = await build(
            reader, case_id, folder / name, now_ms=now_ms, monitors=plan.described, salt=secrets.token_bytes(32)
        )
        return Packed(name, built.digest, built.size)

    return build_evidence


@dataclass(frozen=True, slots=True)
class Packed:
    """An evidence package that was written."""

    name: str
    digest: str
    size: int


def access_of(settings: Settings) -> Access:
    """Who may come in, as the settings say."""
    return Access(
        settings.console_token.get_secret_value(),
        settings.console_proxy_header.lower(),
        settings.proxies(),
        settings.console_proxy_secret.get_secret_value(),
        {name: Holder(each.token.get_secret_value(), each.role) for name, each in settings.console_people.items()},
        settings.console_role_header.lower(),
        settings.console_roles,
    )


async def interrupted(*others: Awaitable[object]) -> None:
    """Wait for SIGINT, SIGTERM or SIGHUP, or until one of `others` ends."""
    notified = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, notified.set)
    waits = [asyncio.ensure_future(each) for each in (notified.wait(), *others)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
