"""One cause, five thousand slices at once: from events to one incident and one notification."""

from __future__ import annotations

import orjson
import pytest

from cli.local_response import LocalResponse
from livewarden.clock import ManualClock
from livewarden.contracts import EnforcementAction
from livewarden.event import Event
from livewarden.times import DAY_MS
from models.aggregate.aggregator import Aggregator
from models.decide.candidates import MOST_EVIDENCE
from models.monitors.plan import Plan
from sinks.channels import MemoryChannel
from sinks.store.memory import MemoryStore
from streams.notifier import Notifier
from streams.stages import Detect
from tests.core_fixtures import T0, monitor
from tests.response_fixtures import policy

SLICES = 5_000
DAYS = 45


ASKED = monitor(
    name="slices", precision="day", bucket="1d", group_by=["market", "policy_id"], series=SLICES, min_volume=10
)


def stormed() -> Detect:
    """A detect stage after weeks of normal and a day on which every slice of one market has fifty times its usual
    measures.
    """
    plan = Plan([ASKED])
    aggregator, detect = Aggregator(plan, ASKED.topic, 0, 1, 0), Detect(plan, "livewarden.partials", 0)
    for day in range(DAYS):
        for number in range(SLICES):
            weight = (20 + (7 * number + 3 * day) % 5) * (50 if day == DAYS - 2 else 1)
            body = {
                "action_id": "a",
                "market": "DE",
                "policy_id": f"p{number}",
                "weight": weight,
                "time_precision": "day",
            }
            event = Event(
                f"{day}-{number}", "/test", T0 + day * DAY_MS, EnforcementAction.model_validate(body), ASKED.topic
            )
            detect.apply(aggregator.add(event)[1])
    return detect


@pytest.mark.timeout(300)
async def test_a_storm_of_slices_is_one_incident_and_one_notification() -> None:
    detect = stormed()
    first = [row for row in detect.output.rows["alerts"] if row["version"] == 1]
    assert len(first) == SLICES
    store, clock, channel = MemoryStore(), ManualClock(T0 + DAYS * DAY_MS), MemoryChannel("log")
    local = LocalResponse(Plan([ASKED]), policy(), store, clock)
    await local.say(detect.output.messages)
    clock.advance(seconds=6)
    await local.tick()
    notifier = Notifier({"log": channel}, local.say, "w", 2_000)
    for _ in range(4):
        await notifier.turn(local.stage.responder, clock.now_ms())
        await notifier.finish(5)
    (incident,) = store.rows("incidents")
    assert (incident["alert_count"], incident["notified"]) == (SLICES, 1)
    assert len(channel.sent) == 1
    dispositions = store.rows("dispositions")
    assert len(dispositions) == SLICES
    notified = [row["alert_id"] for row in dispositions if row["outcome"] == "notified"]
    assert notified == [incident["lead_alert_id"]]
    assert all(row["by"] == notified[0] and row["reason"] for row in dispositions if row["outcome"] != "notified")
    newest = detect.output.rows["case_candidates"][-1]
    evidence = orjson.loads(newest["evidence"])
    assert len(newest["alert_ids"]) == SLICES
    assert (len(evidence["alerts"]), evidence["left_out"]) == (MOST_EVIDENCE, SLICES - MOST_EVIDENCE)
    assert max(len(record.value or b"") for record in local.log) < 900_000  # Kafka takes a megabyte
