"""The whole path on simulated evenings: `python -m bench.evening [--seeds 7,401,402] [--json]`.

Each seed is one evening of the simulator (54 hours, 8 incidents, 4 distractors), replayed through the monitors that
ship. An incident is found when an alert is right about it, as `cli.simulation_score.outcomes` defines. A notified alert
that overlaps no incident and no aftermath of one, on whatever slice, is *false*. One that does, and is not right about
it, is *beside* it: a consequence on another series, or chance. The first ten hours have no baselines, and count. The
simulator is ours, so is what it makes easy.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.command import parser_of, show
from bench.poisson import high, low
from cli.common import load_plan
from cli.simulation_score import is_right, outcomes
from livewarden.contracts import TOPICS
from livewarden.times import parse_ms
from models.monitors.plan import Plan
from models.sampling.interval import wilson
from sources.delivery import deliver
from sources.simulate import Scenario, scenario_evening, simulate, truth
from streams.replay import Replay

LATENESS_S = 30.0
PARTITIONS = 2
SEEDS = (7, 401, 402, 403, 404, 405)
"""The demo's own, which the shipped monitors were set on, and five that nobody had looked at."""


def replayed(seed: int, plan: Plan) -> tuple[Scenario, list[dict[str, Any]]]:
    """One evening through the monitors: what was simulated, and every alert in its newest version."""
    scenario = scenario_evening(seed)
    partitions: dict[str, int] = dict.fromkeys(TOPICS, PARTITIONS)
    replay = Replay(plan, partitions, dict.fromkeys(TOPICS, int(1000 * LATENESS_S)))
    for _ in replay.take(deliver(simulate(scenario), partitions)):
        pass
    return scenario, replay.result().alerts


def evening(seed: int, plan: Plan) -> dict[str, Any]:
    """One evening: which incidents were found and how fast, and how many alerts were notified for nothing."""
    scenario, alerts = replayed(seed, plan)
    notified = [alert for alert in alerts if alert["suppressed_by"] is None]
    incidents = truth(scenario)
    right = [alert for alert in notified if any(is_right(incident, alert, plan.by_name) for incident in incidents)]
    false = [
        alert
        for alert in notified
        if not any(
            parse_ms(alert["window_end"]) > incident.start_ms
            and parse_ms(alert["window_start"]) < incident.aftermath_end_ms
            for incident in incidents
        )
    ]
    return {
        "seed": seed,
        "incidents": outcomes(incidents, alerts, plan.by_name, LATENESS_S),
        "notified": len(notified),
        "right": len(right),
        "false": len(false),
        "false_by_monitor": dict(sorted(Counter(alert["monitor"] for alert in false).items())),
        "suppressed": len(alerts) - len(notified),
        "cases": _cases(notified),
        "false_cases": _cases(false),
        "days": scenario.hours / 24,
    }


def _cases(alerts: Sequence[dict[str, Any]]) -> int:
    """How many things alerts are about: those that share a case candidate are one."""
    return len({alert["case_id"] or alert["episode_id"] for alert in alerts})


def run(seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """All figures, and each evening by itself."""
    plan = load_plan(None)
    evenings = [evening(seed, plan) for seed in seeds]
    every = [incident for each in evenings for incident in each["incidents"]]
    delays = [incident["delay_s"] / 60 for incident in every if incident["found"]]
    noise = sum(each["false_cases"] for each in evenings)
    notified = sum(each["cases"] for each in evenings) - noise
    days = sum(each["days"] for each in evenings)
    return {
        "evening.found": sum(incident["found"] for incident in every) / len(every),
        "evening.median_min": median(delays),
        "evening.false": sum(each["false"] for each in evenings) / len(evenings),
        "evening.notified": sum(each["notified"] for each in evenings) / len(evenings),
        "evening.found_95": wilson(sum(incident["found"] for incident in every), len(every)),
        "evening.found_by_kind": _by_kind(every),
        **_rate("evening.notified_per_incident", notified, len(every)),
        **_rate("evening.noise_per_day", noise, days),
        "evening": evenings,
    }


def _rate(name: str, count: int, of: float) -> dict[str, Any]:
    return {name: count / of, f"{name}_95": [low(count) / of, high(count) / of]}


def _by_kind(incidents: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """In how many evenings each kind was found, and after how many minutes at the latest."""
    kinds: dict[str, dict[str, Any]] = {}
    for incident in incidents:
        kind = kinds.setdefault(incident["kind"], {"evenings": 0, "found": 0, "most_min": 0.0})
        kind["evenings"] += 1
        if incident["found"]:
            kind["found"] += 1
            kind["most_min"] = max(kind["most_min"], incident["delay_s"] / 60)
    return kinds


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    lines = []
    for name in ("found", "notified_per_incident", "noise_per_day"):
        least, most = figures[f"evening.{name}_95"]
        lines.append(f"{name}: {figures[f'evening.{name}']:.2f} ({least:.2f}–{most:.2f})")
    for each in figures["evening"]:
        notified = (
            f"{each['notified']} notified, {each['right']} right, {each['false']} false {each['false_by_monitor']}"
        )
        lines.append(f"seed {each['seed']}: {notified}, {each['suppressed']} suppressed")
        for found in each["incidents"]:
            what = f"{found['delay_s'] / 60:6.1f} min  {found['monitor']}" if found["found"] else "missed"
            lines.append(f"  {found['kind']:20}{what}")
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures."""
    options = parser_of("evening", "Simulated evenings, end to end.", SEEDS, "which evenings").parse_args(args)
    return show(run(options.seeds), table, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
