"""The alerts of the demo's evening, as a replay of it gave them: `python -m tests.evening_alerts RUN` writes them anew.

RUN is the folder of `livewarden replay` of `livewarden simulate --seed 7`. Kept of an explanation is what a
notification is made of. They are simulated, as the evening is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from livewarden.alert import Alert
from livewarden.times import SECOND_MS, parse_ms
from models.monitors.plan import Plan
from models.response.outbox import Notification
from models.response.policy import Policy
from models.response.responder import Responder
from models.response.response_event import AlertUpdated, ResponseEvent, Tick
from models.response.summary import summary_of

FILE: Final = Path(__file__).parent / "goldens" / "evening-alerts.json"
AFTER_MS: Final = 30 * SECOND_MS
"""So long after its bucket an alert is raised."""


def write(run: Path) -> None:
    """Take what is needed out of a run."""
    kept = []
    for line in (run / "alerts.jsonl").read_text().splitlines():
        row = json.loads(line)
        names = {field.name for field in fields(Alert)} - {"explanation"}
        alert: dict[str, Any] = {name: row[name] for name in names if name in row}
        for name in ("window_start", "window_end", "ends_at"):
            alert[f"{name}_ms"] = None if row[name] is None else parse_ms(row[name])
        kept.append({"alert": dict(sorted(alert.items())), "summary": summary_of(row["explanation"])})
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def evening() -> list[tuple[Alert, dict[str, str]]]:
    """The alerts in their last version, each with the summary of its explanation."""
    return [(Alert(**row["alert"]), row["summary"]) for row in json.loads(FILE.read_text())]


def told(plan: Plan, policy: Policy) -> tuple[Responder, list[Notification]]:
    """Play the evening as it came: each alert, its explanation two seconds later, its end. Gives all that is told."""
    responder = Responder(plan, policy)
    outbox: dict[str, Notification] = {}
    for at_ms, event in _happened():
        responder.apply(event, at_ms)
        outbox |= responder.changed().notifications
    return responder, list(outbox.values())


def _happened() -> Iterator[tuple[int, ResponseEvent]]:
    events: list[tuple[int, int, ResponseEvent]] = []
    for alert, summary in evening():
        raised = alert.window_end_ms + AFTER_MS
        first = replace(alert, version=1, status="firing", ends_at_ms=None)
        events.append((raised, 0, AlertUpdated(first, {})))
        events.append((raised + 2 * SECOND_MS, 0, AlertUpdated(replace(first, version=2), summary)))
        if alert.ends_at_ms is not None:
            ended = replace(alert, version=3, status="resolved")
            events.append((max(alert.ends_at_ms, alert.window_end_ms) + 2 * AFTER_MS, 0, AlertUpdated(ended, {})))
    begins, ends = min(at for at, _, _ in events), max(at for at, _, _ in events)
    events += [(at, 1, Tick()) for at in range(begins, ends + 3_600_000, 10 * SECOND_MS)]
    for at_ms, _, event in sorted(events, key=lambda each: each[:2]):
        yield at_ms, event


if __name__ == "__main__":
    write(Path(sys.argv[1]))
