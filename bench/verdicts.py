"""Verdicts on simulated evenings: `python -m bench.verdicts [--seeds 21,22,23,24,25] [--json]`.

Each seed is one evening of the simulator, replayed as in `bench.evening`. What judges an incident is the newest
explanation of the first notified alert that is right about it; an incident that no alert is right about is `MISSED` and
counts as not right. The right verdict of each kind was written down before any of these seeds was replayed. The
simulator and the points of a verdict come from the same people, and its ledger leaves nothing out: the share says that
the pieces fit, not how often a verdict is right elsewhere.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.command import parser_of, show
from bench.evening import LATENESS_S, replayed
from cli.common import load_plan
from cli.simulation_score import outcomes
from models.monitors.plan import Plan
from sources.simulate import truth

SEEDS = (21, 22, 23, 24, 25)
EXPECTED: Final[Mapping[str, str]] = {
    "POLICY_ROLLOUT": "POLICY",
    "QUEUE_BACKLOG": "REVIEW_OPERATIONS",
    "APP_RELEASE": "PRODUCT",
    "REPORTING_GAP": "REPORTING_ARTEFACT",
    "BAD_MODEL_RELEASE": "MODEL",
    "CDN_FAILURE": "INFRASTRUCTURE",
    "TRAFFIC_COLLAPSE": "PRODUCT",
    "FRAUD_WAVE": "SELLER_BEHAVIOUR",
}
"""Which verdict is right, by kind of incident. The collapse is one of a deployment that is rolled back."""


def verdicts(seed: int, plan: Plan) -> list[dict[str, Any]]:
    """Each incident of one evening: its kind, the verdict that is right, the one that was given, and the sentence."""
    scenario, alerts = replayed(seed, plan)
    newest = {alert["alert_id"]: alert for alert in alerts}
    given = []
    for each in outcomes(truth(scenario), alerts, plan.by_name, LATENESS_S):
        notified = newest[each["alert_id"]]["explanation"] if each["found"] else None
        verdict = notified["verdict"]["verdict"] if notified else "UNEXPLAINED" if each["found"] else "MISSED"
        text = notified["text"] if notified else ""
        right = EXPECTED[each["kind"]]
        given.append({"seed": seed, "kind": each["kind"], "expected": right, "verdict": verdict, "text": text})
    return given


def run(seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
    """The share of right verdicts among all incidents, its `n`, and each incident."""
    plan = load_plan(None)
    every = [each for seed in seeds for each in verdicts(seed, plan)]
    right = sum(each["verdict"] == each["expected"] for each in every)
    return {"verdicts.right": right / len(every), "verdicts.n": len(every), "verdicts": every}


def table(figures: Mapping[str, Any]) -> str:
    """A row a kind of incident: the right verdict, and how often which was given."""
    lines = []
    for kind, right in EXPECTED.items():
        given = Counter(each["verdict"] for each in figures["verdicts"] if each["kind"] == kind)
        lines.append(f"{kind:18}{right:20}" + ", ".join(f"{verdict} {count}" for verdict, count in given.most_common()))
    n = figures["verdicts.n"]
    return "\n".join([*lines, f"right: {figures['verdicts.right']:.0%} of {n}"])


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures."""
    options = parser_of("verdicts", "Verdicts on simulated evenings.", SEEDS, "which evenings").parse_args(args)
    return show(run(options.seeds), table, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
