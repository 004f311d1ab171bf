"""Every incident of the simulation, from its alert to a closed case whose evidence holds."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from cli.common import load_plan
from cli.simulation_score import alert_json, outcomes
from models.monitors.plan import Plan
from sources.simulate import scenario_evening, truth
from tests.e2e.conftest import Demo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LATENESS_S = 30.0


def incidents_with_cases(demo: Demo) -> dict[str, str]:
    """By incident of the simulation: the case of the alert that found it."""
    rows = demo.sql(
        "SELECT * REPLACE (toUnixTimestamp64Milli(window_start) AS window_start, toUnixTimestamp64Milli(window_end) AS"
        " window_end) FROM (SELECT alert_id, case_id, monitor, kind, series, window_start, window_end,"
        " suppressed_by FROM"
        " alerts_history WHERE run = 'live' AND window_start >= '2026-01-01')"
    )
    alerts = [alert_json({**row, **{name: int(row[name]) for name in ("window_start", "window_end")}}) for row in rows]
    plan: Plan = load_plan(None)
    found = outcomes(truth(scenario_evening()), alerts, plan.by_name, LATENESS_S)
    assert [each["id"] for each in found if not each["found"]] == []
    case_of = {row["alert_id"]: row["case_id"] for row in rows}
    return {each["id"]: case_of[each["alert_id"]] for each in found}


def verified(package: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What `evidence verify` says, run elsewhere, with nothing of the demo in its environment."""
    command = [sys.executable, "-m", "cli", "evidence", "verify", package.name]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, timeout=120, check=False)


def test_every_incident_of_the_simulation_ends_as_a_closed_case_with_evidence(demo: Demo, tmp_path: Path) -> None:
    demo.fed()
    cases = incidents_with_cases(demo)
    assert len(cases) == 8
    elsewhere = tmp_path / "elsewhere" / "on another path"
    elsewhere.mkdir(parents=True)
    for name, case_id in cases.items():
        (row,) = demo.sql(f"SELECT state, merged_into FROM case_tracker WHERE case_id = '{case_id}'")
        case_id = row["merged_into"] or case_id
        (row,) = demo.sql(f"SELECT state FROM case_tracker WHERE case_id = '{case_id}'")
        if row["state"] != "closed":
            if row["state"] == "candidate":
                demo.run("case", "open", case_id, "--as", "maria", "--why", f"simulated: {name}")
            package = elsewhere / f"{case_id}.zip"
            demo.run("evidence", "build", case_id, "--out", str(package), "--note", "--as", "maria")
            demo.run(
                "case", "resolve", case_id, "--resolution", "FIXED", "--why", "the simulation ended it", "--as", "maria"
            )
            demo.run("case", "close", case_id, "--as", "maria", "--why", "all quiet")
            done = verified(package, elsewhere)
            assert done.returncode == 0, done.stdout + done.stderr
            broken = bytearray(package.read_bytes())
            broken[random.Random(case_id).randrange(len(broken))] ^= 0x10
            package.write_bytes(bytes(broken))
            done = verified(package, elsewhere)
            assert done.returncode == 1, done.stdout
        (row,) = demo.sql(f"SELECT state, resolution FROM case_tracker WHERE case_id = '{case_id}'")
        assert row == {"state": "closed", "resolution": "FIXED"}
        history = demo.sql(f"SELECT what, to_state FROM case_history FINAL WHERE case_id = '{case_id}' ORDER BY number")
        assert [each["to_state"] for each in history if each["what"] == "moved"][-1] == "closed"
        assert "evidence_added" in {each["what"] for each in history}
