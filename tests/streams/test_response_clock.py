"""One clock that is ahead holds no notification up, and the log alone still says what was notified."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cli.local_response import LocalRecord
from livewarden.clock import ManualClock
from livewarden.settings import RESPONSE
from livewarden.times import HOUR_MS, MINUTE_MS, SECOND_MS
from models.response.response_event import ActionRequest, AlertUpdated, Claim, ResponseEvent, Tick, WatermarkAdvanced
from sinks.channels import MemoryChannel
from streams.log_clock import LogClock
from streams.notifier import Notifier
from streams.stages import Respond, encode_message
from streams.stages.output import Row
from tests.response_fixtures import NOW, PLAN, Desk, alert, policy

RULES = policy()
CREATE_TIME, APPEND_TIME = 0, 1
START = NOW + 30 * SECOND_MS
FIRST, SECOND = alert(), alert("measures", {"policy_id": "P1"}, observed=500, expected=10)


def request() -> ActionRequest:
    return ActionRequest(Desk().request("open_case", case_id="c1", title="anomalous"))


def log(*appended: tuple[int, ResponseEvent], kind: int = CREATE_TIME) -> list[LocalRecord]:
    return [LocalRecord(n, *encode_message(news), at_ms, kind) for n, (at_ms, news) in enumerate(appended)]


def read(records: Sequence[LocalRecord]) -> Respond:
    """A stage that has read the log; that is the same where it stopped after each record."""
    whole = Respond(PLAN, RULES, RESPONSE, 0)
    whole.process(records)
    rows: dict[str, list[Row]] = {}
    stage, entries = Respond(PLAN, RULES, RESPONSE, 0), dict[str, str]()
    for record in records:
        stage.process([record])
        for table, found in stage.output.rows.items():
            rows.setdefault(table, []).extend(found)
        saved = stage.checkpoint()
        entries |= saved.entries
        saved.entries.update(entries)
        stage = Respond(PLAN, RULES, RESPONSE, 0)
        stage.restore(saved)
    for table, key in (("notifications", "notification_id"), ("incidents", "incident_id"), ("silences", "silence_id")):
        pieces = {(row[key], row["version"]): row for row in rows.get(table, ())}
        for row in whole.output.rows.get(table, ()):
            assert pieces[row[key], row["version"]] == row
    assert stage.responder.now_ms == whole.responder.now_ms
    return whole


@pytest.mark.parametrize(
    "ahead",
    [request(), AlertUpdated(SECOND, {}), WatermarkAdvanced("live.traffic", NOW), Tick(), Claim("n", 1, "w")],
    ids=lambda news: type(news).__name__,
)
@pytest.mark.parametrize("kind", [CREATE_TIME, APPEND_TIME])
def test_a_record_an_hour_ahead_holds_no_notification_up(ahead: ResponseEvent, kind: int) -> None:
    records = log(
        (START, Tick()),
        (START + HOUR_MS, ahead),
        (START + SECOND_MS, AlertUpdated(FIRST, {})),
        (START + 7 * SECOND_MS, Tick()),
        kind=kind,
    )
    stage = read(records)
    notified = stage.responder.outbox.due(START + 7 * SECOND_MS)
    assert FIRST.alert_id in {row["lead_alert_id"] for row in stage.output.rows["incidents"] if row["notified"]}
    assert notified
    assert stage.watermark_ms == START + 7 * SECOND_MS


def test_a_console_that_is_ahead_ends_nothing_early_and_files_what_it_did_at_its_own_time() -> None:
    records = log(
        (START, AlertUpdated(FIRST, {})), (START + 6 * SECOND_MS, Tick()), (START + 2 * HOUR_MS, request()),
        (START + 8 * SECOND_MS, Tick()),
    )  # fmt: skip
    stage = read(records)
    (deed,) = stage.output.rows["actions"]
    assert deed["at"] == START + 2 * HOUR_MS
    assert stage.watermark_ms == START + 8 * SECOND_MS


def test_what_a_console_that_is_ahead_lets_go_is_told_at_once() -> None:
    desk = Desk(at=START)
    silence = desk.request(
        "silence", silence_id="s1", owner="o", why="w", matchers=[{"name": "market", "value": "DE"}],
        starts_at="2026-03-01T00:00:00Z", ends_at="2026-04-01T00:00:00Z",
    )  # fmt: skip
    records = log(
        (START, ActionRequest(silence)),
        (START, AlertUpdated(FIRST, {})),
        (START + 6 * SECOND_MS, Tick()),
        (START + HOUR_MS, ActionRequest(desk.request("expire_silence", silence_id="s1"))),
        (START + 8 * SECOND_MS, Tick()),
    )
    held, free = read(records[:3]), read(records)
    assert not held.responder.outbox.waiting
    assert free.responder.outbox.due(START + 8 * SECOND_MS)


def test_a_record_without_any_time_moves_nothing() -> None:
    assert read(log((START, Tick()), (-1, Tick()))).watermark_ms == START


async def test_a_worker_whose_clock_goes_back_to_kafkas_ticks_and_claims_on() -> None:
    desk = Desk()
    notifier = Notifier({"log": MemoryChannel("log")}, desk.local.say, "w", 5_000)
    await desk.alerts(alert())
    await desk.wait(seconds=6)
    now = desk.clock.now_ms()
    for at_ms in (now + HOUR_MS, now, now + 1_000):
        await notifier.turn(desk.local.stage.responder, at_ms)
    ticks = [record for record in desk.local.log if b'"tick"' in record.value]
    assert len(ticks) == 3  # the one of the desk, and one by each clock


def test_kafkas_clock_is_the_one_that_stamps() -> None:
    machine = ManualClock(START + HOUR_MS)
    clock = LogClock(machine)
    assert clock.kafka_ms() == START + HOUR_MS
    clock.read(START - MINUTE_MS)  # of a backlog, perhaps
    assert clock.kafka_ms() == START + HOUR_MS
    clock.answered(START)
    machine.advance(minutes=1)
    assert clock.kafka_ms() == START + MINUTE_MS
