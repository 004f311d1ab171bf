"""Read at 02:00: from a notification alone one can say what, where, how big, since when, what changed, what to do,
where to look.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from livewarden.times import MINUTE_MS, format_ms, parse_ms
from models.monitors.file import parse_monitors
from models.monitors.plan import Plan
from models.response.outbox import Notification
from models.response.responder import Responder
from sources.simulate import Incident, scenario_evening
from tests.evening_alerts import told
from tests.response_fixtures import policy

PLAN: Final = Plan(parse_monitors(files("livewarden").joinpath("monitors.toml").read_text(), "the shipped monitors"))
KINDS: Final[Mapping[str, Incident]] = {each.kind: each for each in scenario_evening().incidents}
CHANGED: Final[Mapping[str, str]] = {
    "POLICY_ROLLOUT": "POLICY_ROLLOUT of sim-policy-misleading-claims",
    "QUEUE_BACKLOG": "QUEUE_ROUTING of sim-queue-live",
    "APP_RELEASE": "DEPLOYMENT of sim-app-android to 41.2.0",
    "BAD_MODEL_RELEASE": "MODEL_RELEASE of sim-model-counterfeit to 2026.02",
    "TRAFFIC_COLLAPSE": "DEPLOYMENT of sim-service-feed-ranking to 1188",
}
"""What the platform changed, where it did."""

Evening = tuple[Responder, list[Notification]]


@pytest.fixture(scope="module")
def evening() -> Evening:
    return told(PLAN, policy(console_url="https://wall.example"))


def of_kind(kind: str, evening: Evening) -> list[Notification]:
    """What was told of the incidents that hold an alert of an injected one, by its labels and time."""
    truth, (responder, outbox) = KINDS[kind], evening
    found = set()
    for incident in responder.incidents.by_id.values():
        for member in incident.members.values():
            monitor = PLAN.by_name[member.monitor]
            labels = {name: value for name, value in truth.dimensions.items() if name in member.series}
            inside = truth.start_ms <= member.start_ms + MINUTE_MS <= truth.end_ms + 30 * MINUTE_MS
            named = labels and all(member.series[name] == value for name, value in labels.items())
            if inside and monitor.event == truth.event_type and (named or (not truth.dimensions and not member.series)):
                found.add(incident.incident_id)
    return [each for each in outbox if each.incident_id in found]


@pytest.mark.parametrize("kind", KINDS)
def test_one_can_say_all_that_is_needed(kind: str, evening: Evening) -> None:
    first = next(each for each in of_kind(kind, evening) if each.cause == "new")
    incident = evening[0].incidents.by_id[first.incident_id]
    lead = incident.members[incident.reached["log"].lead_id]
    monitor, truth = PLAN.by_name[lead.monitor], KINDS[kind]
    lines = dict(line.partition(": ")[::2] for line in first.body.splitlines() if ": " in line)
    assert monitor.title in first.title, "what"
    assert all(value in first.title for value in lead.series.values()), "where"
    assert re.search(r"[\d.,]+( in \d+ \w+)?, expected [\d.,]+|nothing came since 2026-|%", first.title), "how big"
    since = re.match(r"Since (2026-\d\d-\d\d) (\d\d:\d\d):\d\d UTC, (ongoing|over after)", first.body)
    assert since, "since when"
    assert abs(parse_ms(f"{since[1]}T{since[2]}:00Z") - truth.start_ms) <= 125 * MINUTE_MS, format_ms(truth.start_ms)
    assert CHANGED.get(kind, "") in lines["What changed"], "what changed"
    assert len(lines["What to do"]) > 20, "what to do"
    assert lines["Owner"] == monitor.owner, "whose it is"
    assert lines["Playbook"].startswith("docs/playbooks/"), "what to do, at length"
    assert first.body.splitlines()[-1] == f"https://wall.example/incidents/{first.incident_id}", "where to look"


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_told_once_and_again_only_when_worse(kind: str, evening: Evening) -> None:
    causes = [each.cause for each in of_kind(kind, evening)]
    assert causes.count("new") >= 1
    for incident_id in {each.incident_id for each in of_kind(kind, evening)}:
        mine = [each.cause for each in of_kind(kind, evening) if each.incident_id == incident_id]
        assert mine.count("new") == 1
        assert mine.count("resolved") <= 1


def test_every_playbook_that_the_shipped_monitors_name_is_there() -> None:

    root = Path(__file__).parents[2]
    for monitor in PLAN.monitors:
        assert monitor.owner
        assert (root / monitor.playbook).read_text().count(f"`{monitor.name}`"), monitor.name
