"""The shipped daily recording through the shipped monitors: `python -m bench.dsa [--json | --report]`.

645 days of what a platform reported, 21 families of measures (© European Union, DSA Transparency Database, CC BY 4.0,
aggregated).

`dsa.incidents_found` is the share of the known incidents of which an alert was notified on their day, or whose episode,
notified before, was still open on it. They were known to all who worked on the detector: that they are found is a
check, no blind measure. One of them is another platform's: its rows go through a daily monitor made here, and the
reason that was announced for it comes in as a change of the platform on the day on which it was announced; it is found
when the alert is notified on its day and its last version names the change. `dsa.alerts` counts every notified alert,
later alerts of an episode, regime changes and reporting gaps included. `dsa.alerts_per_fortnight` counts those of them
that are not *real*: neither the gap in reporting, nor a known incident, nor on a day that `dsa_labels.csv` calls real.
The labels say of the days that several detectors found at loose thresholds whether a reader of the chart would want to
be notified; they were made before the detector judged this recording. A day without a label is not real.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from scipy import stats

from bench import dsa_rivals
from livewarden.contracts import AGGREGATES, TOPICS, EnforcementAction, PlatformChange
from livewarden.event import Event
from livewarden.settings import Settings
from livewarden.times import DAY_MS, format_ms, parse_ms
from models.monitors.file import parse_monitors
from models.monitors.monitor import Monitor
from models.monitors.plan import CHANGES, Plan
from sources.codec import event_of
from sources.delivery import deliver
from sources.importers.dsa import heartbeat
from sources.importers.dsa_actions import FAMILIES
from sources.recording import read
from sources.recordings import shipped
from streams.replay import Replay

SHARED: Final = Path(__file__).parents[2] / "shared" / "data"
DATA: Final = SHARED / "dsa_tiktok_action_families_daily_to_2025-06-30.csv"
PLATFORMS: Final = SHARED / "dsa_platform_daily_rows_to_2025-06-30.csv"
ANNOUNCED: Final = SHARED / "dsa_platform_changes_to_2025-06-30.csv"
LABELS: Final = Path(__file__).with_name("dsa_labels.csv")
DAYS: Final = 645
FORTNIGHTS: Final = DAYS / 14

GOOGLE: Final = "Google Shopping"
GOOGLE_DAY: Final = "2025-05-30"
BY_PLATFORM: Final = Monitor.model_validate(
    {
        "name": "statements-by-platform",
        "event": "enforcement.action",
        "precision": "day",
        "group_by": ["platform"],
        "bucket": "1d",
        "detector": "enforcement",
        "series": 29,
        "budget_per_day": 1 / 14,
        "min_volume": 500,
    }
)


class Incident(NamedTuple):
    """A day of a series that everybody would want to be notified of."""

    day: str
    action_type: str
    direction: str

    def __str__(self) -> str:
        return f"{self.day} {self.action_type} {self.direction}"


INCIDENTS: Final = (
    Incident("2024-12-12", "PRODUCT_DEACTIVATED", "UP"),
    Incident("2025-04-08", "SHOP_CLOSED_PERMANENT", "UP"),
    Incident("2025-04-09", "SHOP_CLOSED_PERMANENT", "UP"),
    Incident("2025-04-15", "SHOP_CLOSED_PERMANENT", "UP"),
    Incident("2025-05-01", "LIVE_REDUCED_VISIBILITY", "DOWN"),
    Incident("2025-05-02", "LIVE_REDUCED_VISIBILITY", "DOWN"),
    *(Incident(f"2025-05-{day}", "PRODUCT_DEACTIVATED", "UP") for day in (23, 24, 25, 27)),
)


class Label(NamedTuple):
    """What a reader of the chart says of a day."""

    real: bool
    why: str


def monitors() -> list[Monitor]:
    """The monitors that ship."""
    return list(parse_monitors(files("livewarden").joinpath("monitors.toml").read_text(encoding="utf-8")))


def replayed(plan: Plan, events: Iterable[Event], awaited_topics: Sequence[str] = (CHANGES,)) -> list[dict[str, Any]]:
    """What is notified of these events: the newest version of each alert, in order of time."""
    partitions: dict[str, int] = dict.fromkeys(TOPICS, 1)
    driver = Replay(plan, partitions, Settings().lateness_ms(), awaited_topics=awaited_topics)
    for _ in driver.take(deliver(events, partitions)):
        pass
    alerts = [alert for alert in driver.result().alerts if alert["suppressed_by"] is None]
    return sorted(alerts, key=lambda alert: (alert["window_start"], alert["monitor"], str(alert["series"])))


def labels() -> dict[tuple[str, str], Label]:
    """By day and action type; where it has several families, one that is real counts."""
    found: dict[tuple[str, str], Label] = {}
    with LABELS.open(encoding="utf-8") as lines:
        for line in sorted(csv.DictReader(lines), key=lambda each: each["real"] != "yes"):
            found.setdefault((line["day"], FAMILIES[line["family"]]), Label(line["real"] == "yes", line["why"]))
    return found


def covers(alert: Mapping[str, Any], incident: Incident) -> bool:
    """Whether a notified alert is of that series and direction, and of that day or of an episode that was open on
    it.
    """
    return alert["direction"] == incident.direction and _covers(alert, incident.day, incident.action_type)


def _covers(alert: Mapping[str, Any], day: str, action_type: str) -> bool:
    began, ended = alert["window_start"][:10], (alert["ends_at"] or "9999-12-31")[:10]
    return bool(alert["series"].get("action_type") == action_type) and (began == day or began < day < ended)


def notified() -> list[dict[str, Any]]:
    """Every notified alert of the recording, with what a reader of the chart says of it."""
    known, rows = labels(), []
    for alert in replayed(Plan(monitors()), read(shipped())):
        day, action = alert["window_start"][:10], alert["series"].get("action_type", "")
        label = known.get((day, action), Label(False, "on no list of the reader"))
        if alert["kind"] == "REPORTING_GAP":
            label = Label(True, "five days without any statement")
        elif any(incident[:2] == (day, action) and covers(alert, incident) for incident in INCIDENTS):
            label = Label(True, label.why)
        elif alert["kind"] == "REGIME_CHANGE" and not label.real:
            label = Label(False, "notified before: it has lasted for a week and is the new normal")
        names = ("window_start", "ends_at", "monitor", "kind", "direction", "series", "observed", "expected", "score")
        rows.append({name: alert[name] for name in names} | {"action_type": action, **label._asdict()})
    return rows


def google_shopping() -> dict[str, Any] | None:
    """What is notified of all statements of Google Shopping on 2025-05-30; None where the rows are absent.

    The change came into force on the day, and was announced four days after it: until then nothing is seen it.
    """
    if not PLATFORMS.exists() or not ANNOUNCED.exists():
        return None
    with ANNOUNCED.open(encoding="utf-8") as lines:
        (change,) = [
            line
            for line in csv.DictReader(lines)
            if (line["platform"], line["effective_date"], line["change_type"])
            == (GOOGLE, GOOGLE_DAY, "reporting_scope")
        ]
    announced = parse_ms(f"{change['announced']}T00:00:00Z")
    events: list[tuple[int, Event]] = [(announced, _change(change))]
    for day, count in google_counts().items():
        events += [
            (day, _statements(day, int(count))),
            (day + DAY_MS, heartbeat(GOOGLE, AGGREGATES, day, day + DAY_MS)),
        ]
        if day >= announced:
            events.append((day + DAY_MS, heartbeat(GOOGLE, CHANGES, day, day + DAY_MS)))
    events.sort(key=lambda each: each[0])
    alerts = replayed(Plan([BY_PLATFORM]), (event for _, event in events), awaited_topics=())
    on_day = [each for each in alerts if each["window_start"][:10] == GOOGLE_DAY and each["direction"] == "DOWN"]
    if not on_day:
        return {"found": False, "alerts": len(alerts)}
    alert, explanation = on_day[0], on_day[0]["explanation"] or {}
    named = [row["kind"] for row in explanation.get("changes", ()) if row["relation"] == "named"]
    return {
        "found": "REPORTING_SCOPE" in named,
        "alerts": len(alerts),
        "changes": named,
        "verdict": explanation.get("verdict", {}).get("verdict"),
        **{name: alert[name] for name in ("window_start", "kind", "observed", "expected", "score")},
    }


def google_counts() -> dict[int, float]:
    """Start of day to statements of Google Shopping; a day without any is left out."""
    with PLATFORMS.open(encoding="utf-8") as lines:
        rows = [(line["date"], float(line["count"])) for line in csv.DictReader(lines) if line["platform"] == GOOGLE]
    return {parse_ms(f"{date}T00:00:00Z"): count for date, count in sorted(rows) if count}


def _statements(day: int, count: int) -> Event:
    data = EnforcementAction.model_validate(
        {
            "action_id": f"google-{day}",
            "platform": GOOGLE,
            "action_type": "RESTRICTION_UNSPECIFIED",
            "state": "ENFORCED",
            "decided_at": datetime.fromisoformat(format_ms(day)),
            "weight": count,
            "time_precision": "day",
        }
    )
    return event_of(data, id=data.action_id, source=GOOGLE, time_ms=day)


def _change(line: Mapping[str, str]) -> Event:
    at = parse_ms(f"{line['effective_date']}T00:00:00Z")
    data = PlatformChange.model_validate(
        {
            "change_id": f"scope-{line['effective_date']}",
            "kind": line["change_type"].upper(),
            "phase": "COMPLETED",
            "target": line["platform"],
            "starts_at": datetime.fromisoformat(format_ms(at)),
        }
    )
    return event_of(data, id=data.change_id, source=GOOGLE, time_ms=at)


def counts() -> dict[str, dict[int, float]]:
    """Action type to start of day to count, every reported day, from the recording."""
    found: dict[str, dict[int, float]] = {}
    for event in read(shipped()):
        if isinstance(event.data, EnforcementAction) and event.data.action_type:
            series = found.setdefault(event.data.action_type, {})
            series[event.time_ms] = series.get(event.time_ms, 0.0) + event.data.weight
    reported = sorted(set().union(*found.values()))
    return {action: {day: series.get(day, 0.0) for day in reported} for action, series in sorted(found.items())}


def run() -> dict[str, Any]:
    """Every figure; the interval is that of a Poisson count (exact, 95 %)."""
    rows, google = notified(), google_shopping()
    hits = {str(incident): any(covers(row, incident) for row in rows) for incident in INCIDENTS}
    real = {at for at, label in labels().items() if label.real}
    rivals = dsa_rivals.run(counts(), monitors(), len(rows), real, INCIDENTS)
    if google is not None:
        hits[f"{GOOGLE_DAY} {GOOGLE} DOWN"] = google["found"]
    false = sum(not row["real"] for row in rows)
    low, high = stats.chi2.ppf(0.025, 2 * false) / 2 if false else 0.0, stats.chi2.ppf(0.975, 2 * false + 2) / 2
    return {
        "dsa.incidents_found": sum(hits.values()) / len(hits),
        "dsa.alerts": len(rows),
        "dsa.alerts_per_fortnight": round(false / FORTNIGHTS, 3),
        "dsa.alerts_per_fortnight_low": round(float(low) / FORTNIGHTS, 3),
        "dsa.alerts_per_fortnight_high": round(float(high) / FORTNIGHTS, 3),
        "dsa": {
            "incidents": hits,
            "google_shopping": google,
            "episodes": len({(row["monitor"], str(row["series"]), row["ends_at"]) for row in rows}),
            "not_real": false,
            "labelled_real": len(real),
            "labelled_real_found": sum(any(_covers(row, *at) for row in rows) for at in real),
            "expected_by_budget": sum(monitor.budget_per_day for monitor in daily()) * 14,
            "notified": rows,
            "rivals": rivals,
        },
    }


def ours(figures: Mapping[str, Any]) -> dict[str, float]:
    """Our row beside the rivals', which are not asked about the other platform."""
    part = figures["dsa"]
    return {
        "alerts": figures["dsa.alerts"],
        "not_real": part["not_real"],
        "incidents": sum(part["incidents"][str(incident)] for incident in INCIDENTS),
        "real_found": part["labelled_real_found"],
    }


def daily() -> list[Monitor]:
    """Those of the shipped monitors that judge counts by the day."""
    return [each for each in monitors() if each.bucket == DAY_MS and each.detector != "silence"]


def table(figures: dict[str, Any]) -> str:
    """The figures for people: every notified alert, the known incidents, and what simple rules tell."""
    part = figures["dsa"]
    lines = [f"{'day':11}{'kind':19}{'measure':26}{'observed':>10}{'expected':>11}  a reader of the chart"]
    for row in part["notified"]:
        observed, expected = ("–" if row[name] is None else f"{row[name]:,.0f}" for name in ("observed", "expected"))
        said = f"{'real' if row['real'] else 'not real'}: {row['why']}"
        lines.append(
            f"{row['window_start'][:10]:11}{row['kind']:19}{row['action_type']:26}{observed:>10}{expected:>11}  {said}"
        )
    lines += ["", *(f"{'found' if hit else 'MISSED':8}{name}" for name, hit in part["incidents"].items())]
    if part["google_shopping"] is None:
        lines.append(f"skipped {GOOGLE_DAY} {GOOGLE}: its rows are absent")
    lines += [
        "",
        dsa_rivals.table({"livewarden": ours(figures)} | part["rivals"], len(INCIDENTS), part["labelled_real"]),
        "",
    ]
    lines.append(
        f"{figures['dsa.alerts']} alerts notified, {part['not_real']} not real: {figures['dsa.alerts_per_fortnight']} "
        "a fortnight "
        f"({figures['dsa.alerts_per_fortnight_low']}–{figures['dsa.alerts_per_fortnight_high']}); "
        "the budgets of the daily "
        f"monitors allow {part['expected_by_budget']:.2f}"
    )
    return "\n".join(lines)


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures, or write the report."""
    parser = argparse.ArgumentParser(prog="python -m bench.dsa", description="The daily recording, day by day.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--report", action="store_true", help="write docs/benchmarks/dsa-incidents.md and its charts")
    options = parser.parse_args(args)
    figures = run()
    if options.report:
        from bench import dsa_report

        dsa_report.write(figures)
        return 0
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
