"""`livewarden worker`."""

from __future__ import annotations

import asyncio
import logging

from livewarden.clock import SystemClock
from livewarden.settings import Settings
from models.plan import Plan
from streams.cli.common import load_plan, load_settings


def worker() -> int:
    """Run a worker: consume the topics, judge, and write to ClickHouse, until told to stop (SIGTERM or Ctrl-C).

    Brokers, ClickHouse and monitors come from the environment (LIVEWARDEN_KAFKA, LIVEWARDEN_CLICKHOUSE_URL,
    LIVEWARDEN_MONITORS …). Topics that are missing are created. Start as many as there are partitions.

    Example: LIVEWARDEN_KAFKA=broker:9092 LIVEWARDEN_CLICKHOUSE_URL=http://clickhouse:8123 livewarden worker
    """
    settings = load_settings()
    plan = load_plan(settings.monitors)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return asyncio.run(_run(settings, plan))


async def _run(settings: Settings, plan: Plan) -> int:
    from sinks.clickhouse import ClickHouseStore
    from streams import telemetry
    from streams.topics import ensure_topics
    from streams.worker import Worker

    store = await ClickHouseStore.connect(
        settings.clickhouse_url,
        settings.clickhouse_user,
        settings.clickhouse_password.get_secret_value(),
        settings.clickhouse_database,
    )
    try:
        wanted = settings.topics()
        await ensure_topics(settings.kafka, wanted, settings.replication)
        logging.getLogger("aiokafka").setLevel(settings.log_level)
        if settings.metrics_port:
            telemetry.serve(settings.metrics_host, settings.metrics_port)
        return await Worker(settings, plan, store, SystemClock()).run()
    finally:
        await store.close()
