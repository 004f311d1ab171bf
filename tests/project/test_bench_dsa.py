"""The benchmark on the daily recording runs, counts as it says, and can fail."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench import dsa, dsa_report, dsa_rivals
from livewarden.times import DAY_MS, parse_ms
from models.monitors.plan import Plan
from sources.recording import read
from sources.recordings import shipped


@cache
def figures() -> dict[str, Any]:
    return dsa.run()


def test_known_incidents_are_found_and_few_alerts_are_not_real() -> None:
    assert figures()["dsa.incidents_found"] == 1.0
    assert len(figures()["dsa"]["incidents"]) >= len(dsa.INCIDENTS)
    assert 0 < figures()["dsa"]["not_real"] < figures()["dsa.alerts"]
    assert figures()["dsa.alerts_per_fortnight_low"] < figures()["dsa.alerts_per_fortnight"] <= 1.0


def test_table_names_every_alert_and_incident() -> None:
    shown = dsa.table(figures())
    assert all(name in shown for name in figures()["dsa"]["incidents"])
    assert shown.count("  not real: ") == figures()["dsa"]["not_real"]
    assert f"{figures()['dsa.alerts']} alerts notified" in shown


def test_monitors_that_see_nothing_find_nothing() -> None:
    blind = [each.model_copy(update={"min_volume": 1e9}) for each in dsa.daily()]
    assert dsa.replayed(Plan(blind), read(shipped())) == []


@pytest.mark.parametrize(
    ("direction", "began", "ended", "found"),
    [
        ("UP", "2025-04-09", "2025-04-10", True),
        ("UP", "2025-04-08", "2025-04-10", True),
        ("UP", "2025-04-08", "2025-04-09", False),
        ("UP", "2025-04-10", None, False),
        ("UP", "2025-04-01", None, True),
        ("DOWN", "2025-04-09", "2025-04-10", False),
    ],
)
def test_a_day_is_found_by_its_alert_or_an_episode_that_is_open(
    direction: str, began: str, ended: str | None, found: bool
) -> None:
    alert = {
        "series": {"action_type": "SHOP_CLOSED_PERMANENT"},
        "direction": direction,
        "window_start": f"{began}T00:00:00Z",
        "ends_at": ended and f"{ended}T00:00:00Z",
    }
    assert dsa.covers(alert, dsa.Incident("2025-04-09", "SHOP_CLOSED_PERMANENT", "UP")) is found


def test_median_rule_speaks_once_for_a_burst_and_again_for_the_next() -> None:
    start = parse_ms("2025-01-01T00:00:00Z")
    days = [3.0] * 30 + [900.0, 900.0] + [3.0] * 5 + [900.0]
    counts = {"SHOP_CLOSED_PERMANENT": {start + n * DAY_MS: count for n, count in enumerate(days)}}
    incidents = [("2025-02-01", "SHOP_CLOSED_PERMANENT", "UP"), ("2025-02-03", "SHOP_CLOSED_PERMANENT", "UP")]
    notified = dsa_rivals.run(counts, dsa.monitors(), 2, {("2025-01-31", "SHOP_CLOSED_PERMANENT")}, incidents)
    assert notified["trailing median, upwards"] == {"alerts": 2, "not_real": 1, "incidents": 1, "real_found": 1}
    assert all(row["alerts"] <= 2 for row in notified.values())


def test_report_has_a_chart_for_every_alert_of_a_series(tmp_path: Path) -> None:
    dsa_report.write(figures(), tmp_path)
    page = (tmp_path / "dsa-incidents.md").read_text(encoding="utf-8")
    drawn = {path.name for path in (tmp_path / "charts").glob("*.svg")}
    assert {name for name in drawn if f"(charts/{name})" in page} == drawn
    rows = [row for row in figures()["dsa"]["notified"] if row["direction"] != "MISSING"]
    assert len(rows) <= len(drawn) <= len(rows) + 1
