"""A saved state is read wholly, or refused in one line that says how to begin anew; never half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
import pytest

from livewarden.checkpoint import Checkpoint
from livewarden.errors import SetupError
from livewarden.settings import PARTIALS, RESPONSE
from models.monitors.plan import Plan
from streams.stages import Detect, Ingest, Respond
from streams.stages.saved import VERSION
from tests.core_fixtures import T0, TOPIC, action, beat, monitor, silent
from tests.response_fixtures import NOW, PLAN, Desk, alert, policy
from tests.streams.test_stages import Wire, on_wire, wire

RULES = policy([{"name": "all", "to": ["log"]}], channels=("log",))
WATCHED = Plan(
    [monitor(explain_by=["policy_id"], exposure={"event": "enforcement.action", "by": ["market"]}), silent()]
)
Stage = Ingest | Detect | Respond
Parts = Callable[[Any], Iterator[dict[str, Any]]]


def minutes(count: int) -> list[Wire]:
    return [wire(n, action(f"e{n}", T0 + n * 60_000, "DE", weight=2)) for n in range(count)]


@cache
def ingested() -> Ingest:
    stage = Ingest(WATCHED, TOPIC, 0, 1, 0)
    stage.process([*minutes(400), wire(400, beat(T0, T0 + 500 * 60_000)), wire(401, action("z", T0 + 501 * 60_000))])
    return stage


@cache
def detected() -> Detect:
    stage = Detect(WATCHED, PARTIALS, 0)
    stage.process(on_wire(ingested().output.messages))
    return stage


async def responded() -> Respond:
    desk = Desk(RULES)
    await desk.alerts(alert(), alert("views", {"market": "DE"}, at=NOW + 60_000))
    stage = Respond(PLAN, RULES, RESPONSE, 0)
    stage.process(desk.local.log)
    return stage


def fresh(name: str) -> Stage:
    if name == "ingest":
        return Ingest(WATCHED, TOPIC, 0, 1, 0)
    return Detect(WATCHED, PARTIALS, 0) if name == "detect" else Respond(PLAN, RULES, RESPONSE, 0)


async def saved(name: str) -> Checkpoint:
    if name == "respond":
        return (await responded()).checkpoint()
    stage = deepcopy(ingested() if name == "ingest" else detected())
    stage._checkpoints = 0
    return stage.checkpoint()


def changed(checkpoint: Checkpoint, change: Callable[[Any], Any]) -> Checkpoint:
    header = orjson.loads(checkpoint.header)
    return replace(checkpoint, header=orjson.dumps(change(header) or header).decode())


def refused(checkpoint: Checkpoint) -> str:
    with pytest.raises(SetupError) as notified:
        fresh(checkpoint.stage).restore(checkpoint)
    line = str(notified.value)
    assert "\n" not in line
    assert f"({checkpoint.topic}, partition 0, offset {checkpoint.next_offset})" in line
    assert line.endswith(f"`livewarden positions --begin-anew {checkpoint.stage}`")
    return line


STAGES = pytest.mark.parametrize("name", ["ingest", "detect", "respond"])


@STAGES
async def test_a_state_comes_back_as_it_was(name: str) -> None:
    checkpoint = await saved(name)
    stage = fresh(name)
    stage.restore(checkpoint)
    assert stage.checkpoint() == checkpoint
    assert name == "ingest" or len(checkpoint.entries) > 1


@STAGES
async def test_a_newer_version_is_refused(name: str) -> None:
    newer = changed(await saved(name), lambda header: header | {"v": VERSION + 1})
    assert f"it is of version {VERSION + 1}, this program reads up to {VERSION}" in refused(newer)


@STAGES
async def test_what_was_saved_before_there_were_versions_is_read(name: str) -> None:
    checkpoint = await saved(name)
    stage = fresh(name)
    stage.restore(changed(checkpoint, lambda header: header["state"]))
    assert stage.checkpoint() == checkpoint


async def test_what_was_saved_before_series_had_a_cap_is_read() -> None:
    checkpoint = await saved("detect")
    stage = fresh("detect")

    def old(header: Any) -> Any:
        for part in PARTS["detect"](header["state"]):
            part.pop("crowd", None)
        return header["state"]

    stage.restore(changed(checkpoint, old))
    again = stage.checkpoint()
    assert again.entries == checkpoint.entries
    assert old(orjson.loads(again.header)) == old(orjson.loads(checkpoint.header))


@STAGES
@pytest.mark.parametrize("header", ["", "null", "[]", "{", '{"v":1}', '{"v":1,"keys":0,"state":null}', '{"v":-1}'])
async def test_what_is_no_state_is_refused(name: str, header: str) -> None:
    refused(replace(await saved(name), header=header))


PARTS: dict[str, Parts] = {
    "ingest": lambda state: iter((state, state["aggregator"])),
    "detect": lambda state: (each for group in state.values() for each in (group, *group["watches"].values())),
    "respond": lambda state: iter((state, state["outbox"])),
}


@STAGES
async def test_a_state_without_one_of_its_parts_is_refused(name: str) -> None:
    checkpoint = await saved(name)
    parts = list(PARTS[name](orjson.loads(checkpoint.header)["state"]))
    for number, part in enumerate(parts):
        for key in part:

            def lose(header: Any, number: int = number, key: str = key) -> None:
                del list(PARTS[name](header["state"]))[number][key]

            refused(changed(checkpoint, lose))


@pytest.mark.parametrize("name", ["detect", "respond"])
async def test_a_state_without_one_of_its_entries_is_refused(name: str) -> None:
    checkpoint = await saved(name)
    first = min(checkpoint.entries)
    gone = {key: blob for key, blob in checkpoint.entries.items() if key != first}
    assert f"of its {len(gone) + 1} entries {len(gone)} are there" in refused(replace(checkpoint, entries=gone))
    assert "entries 0 are there" in refused(replace(checkpoint, entries={}))


@pytest.mark.parametrize("blob", ["", "{}", "[]", "7", '{"detector":"AAAA","facts":"AAAA"}'])
async def test_a_broken_series_is_refused(blob: str) -> None:
    checkpoint = await saved("detect")
    series = next(key for key in checkpoint.entries if key.endswith('["measures", "DE"]'))
    refused(replace(checkpoint, entries={**checkpoint.entries, series: blob}))


def test_entries_are_counted_over_all_checkpoints_since_the_last_whole_one() -> None:
    stage, entries = Detect(WATCHED, PARTIALS, 0), dict[str, str]()
    wires = on_wire(ingested().output.messages)
    for start in range(0, len(wires), 97):
        stage.process(wires[start : start + 97])
        checkpoint = stage.checkpoint()
        entries = {**({} if checkpoint.full else entries), **checkpoint.entries}
        fresh("detect").restore(replace(checkpoint, entries=entries, full=True))
