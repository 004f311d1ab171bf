"""A monitors file against what the workers have saved: what goes on, what begins anew, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cli.common import print_table, reading
from livewarden.errors import SetupError
from livewarden.settings import Settings
from models.decide.engine import upgraded
from models.monitors.change import differences, what_begins_anew
from models.monitors.plan import Plan

COSTS: Mapping[str, str] = {
    "free": "goes on with the new settings",
    "model": "learns anew; until then its buckets are insufficient",
    "sums": "counts something else: the buckets under way are skipped, and it learns anew",
    "new": "is new: begins with the first bucket that is counted from its start",
    "gone": "is gone: what it learned is dropped",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a monitor that is not as the workers have it; `what` is a key of `COSTS`."""

    monitor: str
    what: str
    why: str


async def against_live(settings: Settings, plan: Plan) -> list[Change]:
    """What changes if the workers get this plan; SetupError where no worker has saved what its monitors learned."""
    from sinks.queries import self_watch

    async with reading(settings) as reader:
        headers = await self_watch.detect_headers(reader)
    if not headers:
        raise SetupError("nothing is live to compare with: no worker has saved a state of the detect stage yet")
    return changes(plan, [orjson.loads(header) for header in headers])


def changes(plan: Plan, headers: Iterable[Mapping[str, Any]]) -> list[Change]:
    """The monitors of a plan that are not as the states in the headers of the detect stage have them, and those that
    are gone.
    """
    live: dict[tuple[str, str], Mapping[str, Any]] = {}
    for header in headers:
        saved = header["state"] if "v" in header else header
        groups = {group: upgraded(each) for group, each in saved.items()}
        live |= {(group, name): state for group, each in groups.items() for name, state in each["watches"].items()}
    found = []
    for monitor in plan.monitors:
        state = live.pop((monitor.group_name, monitor.name), None)
        anew = what_begins_anew(monitor, state)
        if state is None:
            found.append(Change(monitor.name, "new", ""))
        elif anew is not None:
            found.append(Change(monitor.name, anew, "; ".join(differences(monitor, state))))
        elif state["config"] != monitor.config_hash:
            found.append(Change(monitor.name, "free", ""))
    return sorted(
        [*found, *(Change(name, "gone", f"group {group}") for group, name in live)],
        key=lambda each: (list(COSTS).index(each.what), each.monitor),
    )


def print_changes(found: Sequence[Change], monitors: int) -> None:
    """The changes as a table, and how many monitors stay as they are."""
    print("\nAgainst what is live:")
    if found:
        print_table(("monitor", "what becomes of it", "why"), [(c.monitor, COSTS[c.what], c.why or "–") for c in found])
    same = monitors - sum(each.what != "gone" for each in found)
    print(f"{same} of {monitors} monitors are as they were")
