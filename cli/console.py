"""`livewarden console`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from cli.common import load_plan, load_settings, reading
from livewarden.action import Submit
from livewarden.clock import SystemClock
from livewarden.errors import Unreachable
from livewarden.redact import log_to_stderr
from livewarden.settings import Settings
from models.monitors.plan import Plan

if TYPE_CHECKING:
    from sinks.store.reader import Reader


def console(
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8080,
    url: Annotated[
        str | None, typer.Option(help="ClickHouse HTTP interface; LIVEWARDEN_CLICKHOUSE_URL where left out.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nobody acts here; Kafka is not needed.")] = False,
    metrics_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Prometheus metrics of the console on that port; 0: none.")
    ] = 0,
) -> int:
    """Show incidents, alerts, cases, silences, changes, dead letters and health as web pages, until notified to stop.

    With LIVEWARDEN_CONSOLE_PEOPLE or LIVEWARDEN_CONSOLE_TOKEN set, everybody must give a token; with
    LIVEWARDEN_CONSOLE_PROXY_HEADER, come through a proxy that names them in that header. Who may act is said by roles:
    viewer, operator, admin. Titles, owners and playbooks come from the monitors (LIVEWARDEN_MONITORS).

    Example: livewarden console --port 8080 --url http://127.0.0.1:8123
    """
    settings = load_settings()
    log_to_stderr(settings.log_level)
    plan = load_plan(settings.monitors)
    if metrics_port:
        from streams import telemetry

        telemetry.serve(settings.metrics_host, metrics_port, "--metrics-port")
    return asyncio.run(_run(settings, plan, host, port, url, read_only))


async def _run(settings: Settings, plan: Plan, host: str, port: int, url: str | None, read_only: bool) -> int:
    from cli.web import access_of, evidence_in, interrupted, web

    access = access_of(settings)
    access.check(host)
    secret = settings.console_secret.get_secret_value()
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(reading(settings, url))
        submit, why_not = (None, "") if read_only else await _submit(stack, settings, reader)
        folder = settings.evidence_dir
        evidence = evidence_in(folder, reader, plan, SystemClock()) if folder else None
        served = web(
            reader,
            plan,
            host,
            port,
            access,
            submit=submit,
            build_evidence=evidence,
            packages=folder,
            secret=secret,
            root=settings.console_path,
        )
        address = await stack.enter_async_context(served)
        for warning in access.warnings():
            print(warning, file=sys.stderr, flush=True)
        print(f"The console is at {address} (Ctrl-C ends it)", flush=True)
        if why_not:
            print(why_not, file=sys.stderr, flush=True)
        await interrupted()
    return 0


async def _submit(stack: AsyncExitStack, settings: Settings, reader: Reader) -> tuple[Submit | None, str]:
    """The way to the log, or why there is none: without Kafka the console shows all the same."""
    from streams.actions import sending

    try:
        return await stack.enter_async_context(sending(settings, reader)), ""
    except Unreachable as error:
        return None, f"Nobody can act in it: {error}"
