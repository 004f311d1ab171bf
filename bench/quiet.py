"""What a platform on which nothing is wrong costs on-call: `python -m bench.quiet [--seeds 401,402] [--json]`.

Each seed is 96 simulated hours without an incident, replayed through the monitors that ship. Every notified alert is
false. Those that share a case candidate are one incident; a monitor is charged with its episodes, against its budget.
Shipped settings were looked at on seeds 101–104, 201–204 and 301–303 only; `SEEDS` are others. Intervals: of a Poisson
count.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from bench.command import parser_of, show
from bench.evening import LATENESS_S, PARTITIONS
from bench.poisson import high, low
from cli.common import load_plan
from livewarden.contracts import TOPICS
from models.monitors.plan import Plan
from sources.delivery import deliver
from sources.simulate import Scenario, simulate
from streams.replay import Replay

SEEDS: Final = (401, 402, 403, 404)
HOURS: Final = 96


def quiet(seed: int, plan: Plan, hours: int = HOURS) -> list[dict[str, Any]]:
    """The alerts of which somebody was notified, in a span without incidents."""
    partitions: dict[str, int] = dict.fromkeys(TOPICS, PARTITIONS)
    replay = Replay(plan, partitions, dict.fromkeys(TOPICS, int(1000 * LATENESS_S)))
    for _ in replay.take(deliver(simulate(Scenario(seed=seed, hours=hours)), partitions)):
        pass
    return [alert for alert in replay.result().alerts if alert["suppressed_by"] is None]


def run(seeds: Sequence[int] = SEEDS, hours: int = HOURS) -> dict[str, Any]:
    """`quiet.incidents_per_day`, and by monitor the false episodes a day beside the budget."""
    plan = load_plan(None)
    days = len(seeds) * hours / 24
    episodes: Counter[str] = Counter()
    incidents = 0
    for seed in seeds:
        alerts = quiet(seed, plan, hours)
        incidents += len({alert["case_id"] or alert["episode_id"] for alert in alerts})
        episodes.update(monitor for monitor, _ in {(alert["monitor"], alert["episode_id"]) for alert in alerts})
    return {
        "quiet.incidents_per_day": incidents / days,
        "quiet.incidents_per_day_low": low(incidents) / days,
        "quiet.incidents_per_day_high": high(incidents) / days,
        "quiet.days": days,
        "quiet.by_monitor": {
            monitor.name: {
                "per_day": episodes[monitor.name] / days,
                "low": low(episodes[monitor.name]) / days,
                "high": high(episodes[monitor.name]) / days,
                "budget": monitor.budget_per_day,
            }
            for monitor in plan.monitors
            if monitor.precision == "minute" and monitor.detector != "silence"
        },
    }


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    whole = [figures[f"quiet.incidents_per_day{end}"] for end in ("", "_low", "_high")]
    lines = ["{:.2f} incidents a day ({:.2f}–{:.2f}) in {:g} days".format(*whole, figures["quiet.days"])]
    for name, each in figures["quiet.by_monitor"].items():
        lines.append(
            f"  {name:24}{each['per_day']:6.3f} a day ({each['low']:.3f}–{each['high']:.3f}), budget {each['budget']:g}"
        )
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = parser_of("quiet", "False alerts on a quiet platform.", SEEDS, "which simulations")
    parser.add_argument("--hours", type=int, default=HOURS, help="how long each is")
    options = parser.parse_args(args)
    return show(run(options.seeds, options.hours), table, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
