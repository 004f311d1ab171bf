"""The response stage: the log alone decides, however it is cut, and however often the stage is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cli.local_response import LocalRecord
from livewarden.checkpoint import Checkpoint
from livewarden.settings import RESPONSE
from livewarden.times import MINUTE_MS, format_ms
from models.response.response_event import ActionRequest, Claim, Delivery
from sinks.store.memory import MemoryStore
from streams.stages import Respond, encode_message
from tests.response_fixtures import NOW, PLAN, Desk, alert, policy

RULES = policy(
    [{"name": "all", "to": ["log"], "escalate": [{"after": "10m", "to": ["mail"]}]}],
    channels=("log", "mail"),
    sla={"critical": {"triage": "30m", "resolve": "1d"}},
    fallback=("mail",),
)


async def evening() -> list[LocalRecord]:
    """The log of an evening on which everything happens once."""
    desk = Desk(RULES)
    first, other = alert(), alert("measures", {"policy_id": "P1"}, observed=500, expected=10)
    await desk.alerts(first)
    await desk.candidate(first)
    await desk.alerts(
        other, alert("views", {"market": "DE", "traffic_source": "X"}), alert(suppressed_by="cooldown", at=1)
    )
    await desk.wait(seconds=6)
    for each in desk.notified:
        await desk.local.say([Claim(each.notification_id, 1, "w"), Delivery(each.notification_id, 1, "w", "")])
    now = desk.clock.now_ms()
    await desk.ask(
        "silence", silence_id="s1", owner="o", why="w", matchers=[{"name": "market", "value": "FR"}],
        starts_at=format_ms(now), ends_at=format_ms(now + 60 * MINUTE_MS),
    )  # fmt: skip
    await desk.alerts(alert("orders", {"market": "FR"}, at=NOW + MINUTE_MS))
    await desk.wait(minutes=11)
    incident = desk.rows("incidents", lead_alert_id=first.alert_id)[0]
    await desk.ask("acknowledge", incident_id=incident["incident_id"], expects=incident["version"])
    await desk.ask("acknowledge", "omar", incident_id=incident["incident_id"], expects=incident["version"])
    await desk.ask("move_case", case_id=first.case_id, to="open")
    await desk.ask("feedback", alert_id=first.alert_id, verdict="true")
    await desk.resolve(first)
    await desk.judged("orders", NOW + 60 * MINUTE_MS)
    await desk.ask("move_case", case_id=first.case_id, to="resolved", resolution="FIXED")
    await desk.ask("move_case", case_id=first.case_id, to="closed")
    await desk.alerts(alert(at=NOW + 90 * MINUTE_MS))
    await desk.wait(minutes=60)
    await desk.wait(minutes=30 * 60)
    await desk.wait(minutes=1)
    return desk.local.log


async def applied(log: Sequence[LocalRecord], cuts: Sequence[int], stops: frozenset[int]) -> MemoryStore:
    """The tables after the log was read in runs cut at `cuts`; after those in `stops` a new stage goes on from what
    was saved.
    """
    store = MemoryStore()
    stage = Respond(PLAN, RULES, RESPONSE, 0)
    edges = sorted({0, len(log), *cuts})
    for start, end in pairwise(edges):
        stage.process(log[start:end])
        for table, rows in stage.output.rows.items():
            await store.write(table, rows)
        stage.output.rows = {}
        checkpoint = stage.checkpoint()
        await store.save(checkpoint)
        if end in stops:
            stage = Respond(PLAN, RULES, RESPONSE, 0)
            saved = await store.load("respond", RESPONSE, 0)
            assert saved is not None
            stage.restore(saved)
            stage.process(log[max(0, end - 3) : end])  # read again, and skipped
            assert not stage.output
    return store


TABLES = (
    "incidents",
    "dispositions",
    "silences",
    "notifications",
    "channels",
    "cases",
    "case_history",
    "actions",
    "feedback",
)


@settings(max_examples=25, deadline=None)
@given(st.data())
async def test_the_log_alone_decides(data: st.DataObject) -> None:
    log = await evening()
    whole = await applied(log, [], frozenset())
    places = st.lists(st.integers(1, len(log) - 1), max_size=12)
    cuts = data.draw(places)
    stops = frozenset(data.draw(st.sets(st.sampled_from(cuts))) if cuts else ())
    pieces = await applied(log, cuts, stops)
    for table in TABLES:
        assert pieces.rows(table) == whole.rows(table), table
        assert whole.rows(table), table


async def test_what_is_said_again_after_a_crash_changes_nothing() -> None:
    log = (await evening())[:-2]  # before it is so long after that incidents are forgotten
    notified = [record for record in log if b'"what":"alert"' in record.value]
    again = [
        LocalRecord(len(log) + number, record.key, record.value, log[-1].timestamp)
        for number, record in enumerate(notified)
    ]
    before = await applied(log, [], frozenset())
    after = await applied([*log, *again], [], frozenset())
    for table in TABLES:
        suppressed = {"at": 0} if table == "dispositions" else {}  # is decided anew each time, the same way
        assert [{**row, **suppressed} for row in before.rows(table)] == [
            {**row, **suppressed} for row in after.rows(table)
        ], table


def test_what_is_no_news_is_a_dead_letter_and_the_log_goes_on() -> None:
    stage = Respond(PLAN, RULES, RESPONSE, 0)
    values = [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"what": "nonsense"}',
        b'{"what": "action", "action": {"do": "note"}}',
        b"\xff",
    ]
    values.append(b'{"what": "tick", "more": 1}')
    stage.process([LocalRecord(offset, b"", value, NOW) for offset, value in enumerate(values)])
    assert [row["reason"] for row in stage.output.rows["dead_letters"]] == ["broken_response"] * len(values)
    assert stage.next_offset == len(values)
    assert all("\n" not in row["detail"] for row in stage.output.rows["dead_letters"])


def test_a_checkpoint_holds_what_changed_and_a_full_one_everything() -> None:
    stage = Respond(PLAN, RULES, RESPONSE, 0)
    first: Checkpoint = stage.checkpoint()
    assert first.full
    assert first.entries == {}
    assert not stage.checkpoint().full


async def test_an_answer_is_written_after_what_was_done() -> None:
    desk = Desk(RULES)
    stage = desk.local.stage
    first, second = (
        desk.request("open_case", case_id="c1", title="one"),
        desk.request("feedback", alert_id="a", verdict="true"),
    )
    for offset, request in enumerate((first, second)):
        key, value = encode_message(ActionRequest(request))
        stage.process([LocalRecord(offset, key, value, NOW)])
    assert [*stage.output.rows][-1] == "actions"
    assert {"cases", "case_history", "feedback"} <= stage.output.rows.keys()
