"""`livewarden worker`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from dataclasses import astuple
from threading import Thread

from cli.common import clickhouse_address, load_plan, load_policy, load_settings, reading
from livewarden.clock import SystemClock
from livewarden.redact import log_to_stderr
from livewarden.repeats import Repeats
from livewarden.settings import Settings
from models.monitors.plan import Plan
from models.response.policy import Policy


def worker() -> int:
    """Run a worker: consume the topics, judge, notify, and write to ClickHouse, until notified to stop (SIGTERM or
    Ctrl-C).

    Brokers, ClickHouse, monitors and channels come from the environment (LIVEWARDEN_KAFKA, LIVEWARDEN_CLICKHOUSE_URL,
    LIVEWARDEN_MONITORS, LIVEWARDEN_RESPONSE …). Topics that are missing are created. Start as many as there are
    partitions.

    Example: LIVEWARDEN_KAFKA=broker:9092 LIVEWARDEN_CLICKHOUSE_URL=http://clickhouse:8123 livewarden worker
    """
    settings = load_settings()
    plan = load_plan(settings.monitors)
    policy = load_policy(settings.response, plan)
    log_to_stderr(settings.log_level)
    if settings.ends_with_stdin:
        Thread(target=_stop_with_stdin, daemon=True).start()
    for handler in logging.getLogger().handlers:
        handler.addFilter(Repeats())
    return asyncio.run(_run(settings, plan, policy))


def _stop_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 2**10):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


async def _run(settings: Settings, plan: Plan, policy: Policy) -> int:
    from sinks.channels import open_channels
    from sinks.store.clickhouse import ClickHouseStore
    from streams import telemetry
    from streams.kafka_access import access_of
    from streams.memory import cycles_seldom_collected
    from streams.topics import ensure_topics
    from streams.worker import Worker

    channels = open_channels(policy.channels, os.environ)
    if settings.metrics_port:
        telemetry.ready("starting")
        telemetry.serve(settings.metrics_host, settings.metrics_port)
    store = await ClickHouseStore.connect(*astuple(clickhouse_address(settings)))
    try:
        wanted = settings.topics()
        await ensure_topics(access_of(settings), wanted, settings.replication, settings.topic_configs())
        logging.getLogger("aiokafka").setLevel(settings.log_level)
        with cycles_seldom_collected():
            return await Worker(settings, plan, store, SystemClock(), policy, channels, lambda: reading(settings)).run()
    finally:
        await store.close()
