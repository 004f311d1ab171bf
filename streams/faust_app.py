"""The Faust app: its settings, the raw topics, and a process around it that stops when notified."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import faust
from aiokafka.errors import KafkaConnectionError
from faust.events import Event
from faust.types import TP

from livewarden.errors import SetupError
from streams.kafka_access import Access
from streams.membership import PatientAssignor, PatientTables, WholeAssignor
from streams.transport import RunTransport, require_c_extension

Hook = Callable[[frozenset[TP]], Awaitable[None]]

STOP_WITHIN_S = 4.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
METADATA_AGE_MS = 10_000
"""A topic that comes, goes or grows is seen so soon by the group's leader, milliseconds."""

_DAY_S = 86_400.0
_log = logging.getLogger(__name__)


def build_app(
    *,
    name: str,
    kafka: Access | str,
    session_timeout_s: float = 10.0,
    buffer_runs: int = 16,
    member: str | None = None,
    embedded: bool = False,
    on_assigned: Hook | None = None,
    on_revoked: Hook | None = None,
    **settings: Any,
) -> faust.App:
    """A Faust app that reads runs (see `streams.transport`) as the consumer group `name`.

    `kafka`: the access, or only `host:port`, several with commas. `session_timeout_s`: how long a dead worker's
    partitions wait for another worker; smaller fails over sooner, larger forgives longer pauses. `buffer_runs`: runs of
    about 1 MiB that an agent may have waiting; larger smooths, smaller saves memory. `member`: a stable name for this
    worker's place in the group; with it a restart within the session timeout moves no partition. `embedded`: the broker
    is `EmbeddedKafka`. `settings`: further Faust settings (`broker_max_poll_records` …); they win.

    `on_assigned` is awaited with all partitions of the new assignment before the first run of it is handed out: the
    place to load state. `on_revoked` is awaited with what is taken away, before another worker can get it, so it must
    end well within the session timeout. An exception in either ends the worker.

    Raises SetupError without Faust's C extension. Bind agents to it with `raw_topic`.
    """
    require_c_extension()
    access = Access(kafka) if isinstance(kafka, str) else kafka
    defaults: dict[str, Any] = {
        "broker": [f"kafka://{server.strip()}" for server in access.bootstrap.split(",")],
        "broker_credentials": access.credentials(),
        "store": "memory://",
        "autodiscover": False,
        "web_enabled": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "agent_supervisor": "mode.CrashingSupervisor",
        "stream_wait_empty": False,
        "stream_buffer_maxsize": buffer_runs,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": member,
        "broker_session_timeout": session_timeout_s,
        "broker_heartbeat_interval": session_timeout_s / 5,
        "broker_rebalance_timeout": max(30.0, session_timeout_s),
        "broker_request_timeout": max(40.0, session_timeout_s),
        "broker_max_poll_interval": _DAY_S,  # a full buffer is back-pressure, not a reason to leave the group
        "consumer_metadata_max_age_ms": METADATA_AGE_MS,
        "PartitionAssignor": PatientAssignor if embedded else WholeAssignor,
        "TableManager": PatientTables,
    }
    app = _App(name, **(defaults | settings))
    app.access = access
    if on_assigned is not None:
        app.on_rebalance_complete.connect(_assigned(on_assigned), weak=False)
    if on_revoked is not None:
        app.on_partitions_revoked.connect(_revoked(on_revoked), weak=False)
    return app


def raw_topic(app: faust.App, *names: str) -> faust.TopicT:
    """The topics `names` as one channel, for an agent that takes runs: `async for run in stream.noack()`."""
    return app.topic(*names, schema=RunSchema())


def run(app: faust.App) -> int:
    """Run `app` in this process until SIGTERM, SIGINT or SIGHUP (0) or a crash (1, with the error in the log).

    Leaves argv, stdout and logging alone. Must be called from the main thread.
    """
    return asyncio.run(serve(app))


async def serve(app: faust.App, before_stop: Callable[[], Awaitable[None]] | None = None) -> int:
    """As `run`, inside a loop that runs already.

    `before_stop` is awaited when the worker was asked to stop, while its partitions are still its own; not after a
    crash. Raises Unreachable when no broker answers at the start, and the SetupError that an agent or task ended with.
    Stops within about `STOP_WITHIN_S` seconds, also while an agent is busy or the broker is away: what was not
    committed is read again.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        await _first(stop.wait(), app.given_up.wait(), _until_crash(app))
        if before_stop is not None and app.crash_reason is None:
            await before_stop()
    except KafkaConnectionError as error:
        raise await app.access.refusal() from error
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
        reason = app.crash_reason
        _, late = await asyncio.wait({asyncio.ensure_future(app.stop())}, timeout=STOP_WITHIN_S)
        if late:
            _log.error("worker %s did not stop within %.0f s", app.conf.id, STOP_WITHIN_S)
    if isinstance(reason, SetupError):
        raise reason
    if reason is not None:
        _log.critical("worker %s crashed: %r", app.conf.id, reason, exc_info=reason)
        return 1
    return 0


async def _until_crash(app: faust.App) -> None:
    await app.start()
    await app.wait_until_stopped()


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class RunSchema(faust.Schema):  # type: ignore[misc]
    """Hands the run over untouched; decoding, and what to do with a record that cannot be decoded, is the stage's."""

    def compile(self, app: faust.App, **kwargs: Any) -> Callable[..., Awaitable[Any]]:
        """The decoder that Faust calls for each message."""

        async def decode(message: Any, *, propagate: bool = False, channel: Any = None) -> Any:
            return Event(app, None, message.value, {}, message)

        return decode


class _App(faust.App):  # type: ignore[misc]
    access: Access
    crash_reason: BaseException | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.given_up = asyncio.Event()

    def _new_transport(self) -> RunTransport:
        return RunTransport(self.conf.broker_consumer, self)

    async def crash(self, reason: BaseException) -> None:
        """End, as Faust does; but a broken set-up is an orderly end, and who runs the app says why, in one line."""
        if isinstance(reason, SetupError):
            self.crash_reason = self.crash_reason or reason
            self.given_up.set()
        else:
            await super().crash(reason)

    def _create_directories(self) -> None:
        pass  # they would be for tables, and there are none


def _assigned(hook: Hook) -> Callable[..., Awaitable[None]]:
    async def on_rebalance_complete(app: faust.App, **kwargs: Any) -> None:
        await hook(frozenset(app.consumer.assignment()))

    return on_rebalance_complete


def _revoked(hook: Hook) -> Callable[..., Awaitable[None]]:
    async def on_partitions_revoked(app: faust.App, revoked: set[TP], **kwargs: Any) -> None:
        await hook(frozenset(revoked))

    return on_partitions_revoked
