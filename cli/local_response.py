"""The response without a broker: the same stage, its log in memory. For trying things out, and for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livewarden.action import Action, Answer
from livewarden.clock import Clock
from livewarden.settings import RESPONSE
from models.monitors.plan import Plan
from models.response.policy import Policy
from models.response.response_event import ActionRequest, ResponseEvent, Tick
from sinks.store.store import Store
from streams.stages import Respond, Said, encode_message
from streams.stages.output import LOG_APPEND_TIME, Row


@dataclass(slots=True)
class LocalRecord:
    """A record of the log."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    timestamp_type: int = LOG_APPEND_TIME
    topic: str = RESPONSE
    partition: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class LocalResponse:
    """One response stage over a store. What is said is in the tables when the call returns.

    >>> import asyncio
    >>> from livewarden.action import ACTION
    >>> from livewarden.clock import ManualClock
    >>> from sinks.store.memory import MemoryStore
    >>> local = LocalResponse(Plan([]), Policy(), MemoryStore(), ManualClock(1_772_800_000_000))
    >>> stamp = {"action_id": "a1", "who": "maria", "at": "2026-03-06T12:26:40Z"}
    >>> request = {"do": "open_case", "case_id": "c1", "title": "anomalous"} | stamp
    >>> asyncio.run(local.submit(ACTION.validate_python(request, strict=False)))
    Answer(accepted=True, text='the case is open')
    """

    def __init__(self, plan: Plan, policy: Policy, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._answers: list[Row] = []
        self.log: list[LocalRecord] = []
        self.stage = Respond(plan, policy, RESPONSE, 0)

    async def submit(self, action: Action) -> Answer:
        """Grant or refuse a request."""
        await self.say([ActionRequest(action)])
        row = next(row for row in self._answers if row["action_id"] == action.action_id)
        return Answer(row["outcome"] == "accepted", str(row["answer"]))

    async def tick(self) -> None:
        """Let what waits for the clock happen."""
        await self.say([Tick()])

    async def say(self, said: Sequence[Said | ResponseEvent]) -> None:
        """Put news into the log and read them."""
        fresh: list[LocalRecord] = []
        for each in said:
            key, value = encode_message(each)
            fresh.append(LocalRecord(len(self.log) + len(fresh), key, value, self._clock.now_ms()))
        self.log += fresh
        self.stage.process(fresh)
        rows, self.stage.output.rows = self.stage.output.rows, {}
        self._answers = [dict(row) for row in rows.get("actions", [])]
        for table, found in rows.items():
            await self._store.write(table, found)
