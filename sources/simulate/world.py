"""Everything together: the events of a scenario in one order, and the truth about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from heapq import merge

from livewarden.contracts import topic_of
from livewarden.event import Event
from livewarden.times import format_ms
from sources.codec import event_of
from sources.simulate.appeals import appeals
from sources.simulate.changes import changes
from sources.simulate.draft import by_time
from sources.simulate.enforcement import actions
from sources.simulate.heartbeats import heartbeats
from sources.simulate.incident import Incident
from sources.simulate.quality import qualities
from sources.simulate.rooms import plan_crowd
from sources.simulate.scenario import Scenario
from sources.simulate.tickets import tickets
from sources.simulate.traffic import interruptions, lifecycles, samples
from sources.simulate.violations import plan_violations

SOURCE = "urn:livewarden:simulation"
"""The CloudEvents source of every simulated event."""


def simulate(scenario: Scenario) -> Iterator[Event]:
    """The events of the scenario in order of event time; every one valid, every id prefixed `sim-`.

    Heartbeats come first among events of one time, so that none contradicts its word. A heartbeat appears once: who
    feeds it to Kafka sends it to every partition of its topic. Plans are drawn before the first event (about a second
    for the evening), the rest as it is read.

    >>> from sources.simulate import Scenario, simulate
    >>> first = next(simulate(Scenario(hours=1)))
    >>> first.source, first.id[:4]
    ('urn:livewarden:simulation', 'sim-')
    """
    crowds = [plan_crowd(scenario, market) for market in scenario.markets]
    violations = [plan_violations(scenario, crowd.market, crowd.rooms) for crowd in crowds]
    interrupted = interruptions(violation for plan in violations for violation in plan)
    parts = [
        heartbeats(scenario),
        changes(scenario),
        lifecycles(scenario, crowds, interrupted),
        samples(scenario, crowds, interrupted),
        qualities(scenario, crowds),
    ]
    for crowd, plan in zip(crowds, violations, strict=True):
        parts += (
            actions(plan, scenario.start_ms),
            appeals(scenario, crowd.market, plan),
            tickets(scenario, crowd.market, plan),
        )
    for number, (time_ms, data) in enumerate(merge(*parts, key=by_time)):
        if not scenario.silent(topic_of(data), time_ms) or data.type_name == "source.heartbeat":
            yield event_of(data, id=f"sim-{scenario.seed}-{number:07d}", source=SOURCE, time_ms=time_ms)


def truth(scenario: Scenario) -> list[Incident]:
    """The incidents of the scenario in order of their start: what a watcher ought to find."""
    return sorted(scenario.incidents, key=lambda incident: incident.start_ms)


def truth_json(scenario: Scenario) -> str:
    """The truth file: one JSON object with `incidents`, and `distractors` that nobody should be paged for.

    >>> from sources.simulate import scenario_evening
    >>> json.loads(truth_json(scenario_evening()))["incidents"][0]["kind"]
    'POLICY_ROLLOUT'
    """
    return json.dumps(
        {
            "simulation": True,
            "source": SOURCE,
            "seed": scenario.seed,
            "start": format_ms(scenario.start_ms),
            "end": format_ms(scenario.end_ms),
            "incidents": [incident.as_truth() for incident in truth(scenario)],
            "distractors": [effect.as_truth() for effect in scenario.distractors],
        },
        indent=2,
    )
