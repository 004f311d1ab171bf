"""The shipped daily recording through the shipped monitors: `python -m bench.dsa [--json]`.

645 days of what a platform reported (© European Union, DSA Transparency Database, CC BY 4.0, aggregated): 21 families of measures.
`bench/dsa_labels.csv` says of candidate days of several detectors at loose thresholds whether a reader of the chart would want to
be told on that day; the labels were made before the detector that is judged had seen the recording. A told alert on a day without a
label is a false one. The known incidents were known to all who worked on it: finding them is a check, no blind measure.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

from livewarden.contracts import TOPICS
from livewarden.settings import Settings
from livewarden.times import DAY_MS, parse_ms
from models.daily_counts import DailyCounts
from models.monitor_file import parse_monitors
from models.plan import Plan
from streams.delivery import deliver
from streams.importers.dsa_actions import FAMILIES
from streams.recording import read
from streams.recordings import shipped
from streams.replay import Replay

LABELS: Final = Path(__file__).with_name("dsa_labels.csv")
SHARED: Final = Path(__file__).parents[2] / "shared" / "data"
FORTNIGHTS: Final = 645 / 14
INCIDENTS: Final = [
    ("2024-12-12", "PRODUCT_DEACTIVATED", "UP"),
    ("2025-04-08", "SHOP_CLOSED_PERMANENT", "UP"),
    ("2025-04-09", "SHOP_CLOSED_PERMANENT", "UP"),
    ("2025-04-15", "SHOP_CLOSED_PERMANENT", "UP"),
    ("2025-05-02", "LIVE_REDUCED_VISIBILITY", "DOWN"),
    ("2025-05-23", "PRODUCT_DEACTIVATED", "UP"),
    ("2025-05-27", "PRODUCT_DEACTIVATED", "UP"),
]
"""Day, action type, direction; a day within a told episode (2025-04-09) is found with the episode."""


def told() -> list[dict[str, Any]]:
    """What `livewarden replay` tells of the recording, newest version each, in order of time."""
    plan = Plan(parse_monitors(files("livewarden").joinpath("monitors.toml").read_text(encoding="utf-8")))
    partitions = dict.fromkeys(TOPICS, 1)
    driver = Replay(plan, partitions, Settings().lateness_ms())
    for _ in driver.take(deliver(read(shipped()), partitions)):
        pass
    alerts = [alert for alert in driver.result().alerts if alert["suppressed_by"] is None]
    return sorted(alerts, key=lambda alert: (alert["window_start"], alert["monitor"], str(alert["series"])))


def labels() -> dict[tuple[str, str], bool]:
    """Day and action type to whether it is real (of any of its families)."""
    real: dict[tuple[str, str], bool] = {}
    with LABELS.open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            at = line["day"], FAMILIES[line["family"]]
            real[at] = real.get(at, False) or line["real"] == "yes"
    return real


def found(alerts: Sequence[dict[str, Any]], day: str, action: str, direction: str) -> bool:
    """Whether an alert of that day, or an episode that was open on it, was told."""
    return any(
        alert["series"].get("action_type") == action
        and alert["direction"] == direction
        and alert["window_start"][:10] <= day
        and (alert["window_start"][:10] == day or day < (alert["ends_at"] or "9999")[:10])
        for alert in alerts
    )


def google_shopping() -> dict[str, Any] | None:
    """All statements of Google Shopping around 2025-05-30, and the announced change that it is lined up with."""
    rows, changes = SHARED / "dsa_platform_daily_rows_to_2025-06-30.csv", SHARED / "dsa_platform_changes_to_2025-06-30.csv"
    if not rows.exists() or not changes.exists():
        return None
    model, day, score, direction = DailyCounts(), "2025-05-30", 0.0, ""
    last = None
    with rows.open(encoding="utf-8") as lines:
        for line in sorted(csv.DictReader(lines), key=lambda each: each["date"]):
            if line["platform"] != "Google Shopping" or not float(line["count"]):
                continue
            at = parse_ms(line["date"] + "T00:00:00Z")
            if last is not None and at > last + DAY_MS:
                model.forget_recent()
            last, x = at, {"value": float(line["count"]), "time_ms": at}
            if line["date"] == day:
                judged = model.judge_one(x)
                score, direction = judged.score, judged.direction
            model.learn_one(x)
    with changes.open(encoding="utf-8") as lines:
        marked = [
            line["change_type"].upper()
            for line in csv.DictReader(lines)
            if line["platform"] in ("Google Shopping", "*")
            and abs(parse_ms(line["effective_date"] + "T00:00:00Z") - parse_ms(day + "T00:00:00Z")) <= 3 * DAY_MS
        ]
    return {"score": round(score, 2), "direction": direction, "changes": marked}


def run() -> dict[str, Any]:
    """Every figure; `dsa.alerts_per_fortnight` counts what is told besides what is labelled real and the reporting gap."""
    alerts, real = told(), labels()
    google = google_shopping()
    hits = {f"{day} {action}": found(alerts, day, action, way) for day, action, way in INCIDENTS}
    if google is not None:
        hits["2025-05-30 Google Shopping"] = google["score"] >= 3.0 and "REPORTING_SCOPE" in google["changes"]
    rows = []
    for alert in alerts:
        at = alert["window_start"][:10], alert["series"].get("action_type", "")
        rows.append(
            {name: alert[name] for name in ("window_start", "monitor", "kind", "observed", "expected", "score")}
            | {"action_type": at[1], "real": alert["kind"] == "REPORTING_GAP" or real.get(at, False)}
        )
    false = sum(not row["real"] for row in rows)
    rng = np.random.default_rng(1)
    draws = rng.poisson(false, 4000) / FORTNIGHTS
    return {
        "dsa.incidents_found": sum(hits.values()),
        "dsa.incidents": len(hits),
        "dsa.alerts": len(rows),
        "dsa.alerts_per_fortnight": round(false / FORTNIGHTS, 3),
        "dsa": {
            "incidents": hits,
            "google_shopping": google or "skipped: the platforms' daily rows are not there",
            "episodes": len({alert["episode_id"] for alert in alerts}),
            "not_real": false,
            "per_fortnight_interval": [round(float(q), 3) for q in np.quantile(draws, (0.025, 0.975))],
            "told": rows,
        },
    }


def show(result: dict[str, Any]) -> str:
    lines = [
        f"{row['window_start'][:10]} {row['kind']:18} {row['action_type']:26} {row['observed'] or '–':>9} "
        f"{row['expected'] if row['expected'] is not None else '–':>10} {'real' if row['real'] else 'not real'}"
        for row in result["dsa"]["told"]
    ]
    lines += [f"{'found ' if hit else 'MISSED'} {name}" for name, hit in result["dsa"]["incidents"].items()]
    lines += [f"{name}: {value}" for name, value in result.items() if name != "dsa"]
    return "\n".join(lines)


def main(args: Sequence[str]) -> int:
    result = run()
    print(json.dumps(result, indent=2) if "--json" in args else show(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
