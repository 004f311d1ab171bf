"""The shipped daily recording through the shipped monitors: `python -m bench.dsa [--json | --report]`.

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

from livewarden.contracts import TOPICS, EnforcementAction
from livewarden.settings import Settings
from livewarden.times import DAY_MS, format_ms, parse_ms
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
DOCS: Final = Path(__file__).parents[1] / "docs"
FIRST_MS: Final = parse_ms("2023-09-25T00:00:00Z")
LAST_MS: Final = parse_ms("2025-06-30T00:00:00Z")
FORTNIGHTS: Final = 645 / 14
INCIDENTS: Final = [
    ("2024-12-12", "PRODUCT_DEACTIVATED", "UP"),
    ("2025-04-08", "SHOP_CLOSED_PERMANENT", "UP"),
    ("2025-04-09", "SHOP_CLOSED_PERMANENT", "UP"),
    ("2025-04-15", "SHOP_CLOSED_PERMANENT", "UP"),
    ("2025-05-01", "LIVE_REDUCED_VISIBILITY", "DOWN"),
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
    rows, changes = (
        SHARED / "dsa_platform_daily_rows_to_2025-06-30.csv",
        SHARED / "dsa_platform_changes_to_2025-06-30.csv",
    )
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


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{row['window_start'][:10]} {row['kind']:18} {row['action_type']:26} {row['observed'] or '–':>9} "
        f"{row['expected'] if row['expected'] is not None else '–':>10} {'real' if row['real'] else 'not real'}"
        for row in result["dsa"]["told"]
    ]
    lines += [f"{'found ' if hit else 'MISSED'} {name}" for name, hit in result["dsa"]["incidents"].items()]
    lines += [f"{name}: {value}" for name, value in result.items() if name != "dsa"]
    return "\n".join(lines)


def counts() -> dict[str, dict[int, float]]:
    """Action type to start of day to count, from the recording; days without a report are left out."""
    days: dict[str, dict[int, float]] = {}
    for event in read(shipped()):
        payload = event.data
        if isinstance(payload, EnforcementAction):
            series = days.setdefault(payload.action_type, {})
            series[event.time_ms] = series.get(event.time_ms, 0.0) + payload.weight
    return days


def chart(row: dict[str, Any], days: dict[int, float], gaps: set[int]) -> str:
    """A day and what was around it, on a log scale, as SVG that is readable on light and dark."""
    at = parse_ms(row["window_start"])
    span = [at + back * DAY_MS for back in range(-56, 22)]
    span = [day for day in span if FIRST_MS <= day <= LAST_MS]
    values = [None if day in gaps else days.get(day, 0.0) for day in span]
    top = max(2.0, *(np.log10(1.0 + value) for value in values if value is not None))

    def x(day: int) -> float:
        return 62.0 + 560.0 * (day - span[0]) / max(1, span[-1] - span[0])

    def y(value: float) -> float:
        return float(200.0 - 150.0 * np.log10(1.0 + value) / top)

    path, pen = "", "M"
    for day, value in zip(span, values, strict=True):
        if value is None:
            pen = "M"
            continue
        path += f"{pen}{x(day):.1f},{y(value):.1f}"
        pen = "L"
    ticks = "".join(
        f'<line x1="62" x2="622" y1="{y(10.0**n - 1):.1f}" y2="{y(10.0**n - 1):.1f}" class="g"/>'
        f'<text x="56" y="{y(10.0**n - 1) + 4:.1f}" text-anchor="end">{10**n - (n == 0):,}</text>'
        for n in range(int(top) + 1)
    )
    dates = "".join(
        f'<text x="{x(day):.1f}" y="220" text-anchor="{side}">{format_ms(day)[:10]}</text>'
        for day, side in ((span[0], "start"), (span[-1], "end"))
    )
    title = f"{row['action_type']}, {row['window_start'][:10]}: {row['observed']:,.0f} a day, expected {row['expected']:,.0f}"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 262" width="640" height="262" role="img">'
        f"<title>{title}</title><style>text{{font:12px sans-serif;fill:#777}}.t{{font-size:13px;font-weight:bold}}"
        ".g{stroke:#888;stroke-opacity:.3}.l{fill:none;stroke:#3b82c4;stroke-width:1.5}"
        ".e{stroke:#888;stroke-dasharray:4 3}.o{fill:none;stroke:#d9534f;stroke-width:2.5}</style>"
        f'<text x="8" y="20" class="t">{title}</text>{ticks}'
        f'<line x1="62" x2="622" y1="{y(row["expected"]):.1f}" y2="{y(row["expected"]):.1f}" class="e"/>'
        f'<path d="{path}" class="l"/><circle cx="{x(at):.1f}" cy="{y(row["observed"]):.1f}" r="6" class="o"/>{dates}'
        '<text x="8" y="240">log scale · circle: the alert · dashed: expected</text>'
        '<text x="8" y="256">'
        "© European Union, DSA Transparency Database, CC BY 4.0, aggregated</text></svg>\n"
    )


def report(result: dict[str, Any], docs: Path = DOCS) -> None:
    """Write `dsa-incidents.md` and a chart for every told alert of a series."""
    charts = docs / "charts"
    charts.mkdir(exist_ok=True)
    for old in charts.glob("dsa-*.svg"):
        old.unlink()
    days, why, figures = counts(), reasons(), result["dsa"]
    reported = set().union(*days.values())
    gaps = {day for day in range(FIRST_MS, LAST_MS + 1, DAY_MS) if day not in reported}
    lines = [
        "# What the daily monitors tell on the recording",
        "Written by `python -m bench.dsa --report`. © European Union, DSA Transparency Database, CC BY 4.0, aggregated.",
        "",
        f"In 645 days the shipped monitors tell {result['dsa.alerts']} alerts; {figures['not_real']} of them are on days that no "
        "reader of the chart had called real (`bench/dsa_labels.csv`), or say again what was told: "
        f"{result['dsa.alerts_per_fortnight']} a fortnight (95 % Poisson interval {figures['per_fortnight_interval']}). "
        f"{result['dsa.incidents_found']} of {result['dsa.incidents']} known incidents are found on their day. They were known "
        "to all who worked on the detector: that they are found is a check, no blind measure.",
        "",
        "| known incident | found |",
        "|---|---|",
        *(f"| {name} | {'yes' if hit else 'no'} |" for name, hit in figures["incidents"].items()),
        "",
    ]
    for row in figures["told"]:
        day = row["window_start"][:10]
        if row["kind"] == "REPORTING_GAP":
            lines += [f"## {day} no reports", "Five days without any statement (2024-06-05 to 2024-06-09).", ""]
            continue
        name = f"dsa-{day}-{row['action_type'].lower().replace('_', '-')}-{row['kind'].lower().replace('_', '-')}.svg"
        (charts / name).write_text(chart(row, days[row["action_type"]], gaps), encoding="utf-8")
        said = why.get((day, row["action_type"]), "on no list of the reader")
        lines += [
            f"## {day} {row['action_type']}",
            f"{row['kind']}: {row['observed']:,.0f}, expected {row['expected']:,.1f}, score {row['score']:.1f}. "
            f"**{'Real' if row['real'] else 'Not real'}**: {said}.",
            "",
            f"![{row['action_type']} around {day}](charts/{name})",
            "",
        ]
    (docs / "dsa-incidents.md").write_text("\n".join(lines), encoding="utf-8")


def reasons() -> dict[tuple[str, str], str]:
    """Day and action type to what the reader said of it, a real one first."""
    said: dict[tuple[str, str], str] = {}
    with LABELS.open(encoding="utf-8") as lines:
        for line in sorted(csv.DictReader(lines), key=lambda each: each["real"] != "yes"):
            said.setdefault((line["day"], FAMILIES[line["family"]]), line["why"])
    return said


def main(args: Sequence[str]) -> int:
    result = run()
    if "--report" in args:
        report(result)
        return 0
    print(json.dumps(result, indent=2) if "--json" in args else table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
