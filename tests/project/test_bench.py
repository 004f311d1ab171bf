"""The benchmarks run, count what they say they count, and fail where a detector does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench import detection, enforcement, light
from bench.enforcement import alerts, ours, tally
from bench.enforcement_world import Spike, World, simulate

DAY = 1440


def test_simulated_spikes_are_found_by_a_detector_and_by_nobody_who_says_nothing() -> None:
    world = simulate(seed=4, series=40, days=7)
    scores, _ = ours(world)
    found = tally(world, scores, enforcement.THRESHOLD).figures()
    silent = tally(world, np.zeros_like(scores), enforcement.THRESHOLD).figures()
    assert found["recall_10"] > 0.8
    assert found["false_per_1000_day"] < 20
    assert silent == {"recall": 0.0, "recall_10": 0.0, "false_per_1000_day": 0.0, "drift": 0.0}


def test_what_found_nothing_is_written_as_json() -> None:
    world = simulate(1, 40, 2)
    silent = enforcement.notified([tally(world, np.zeros(world.counts.shape, np.float32), enforcement.THRESHOLD)])
    assert json.loads(json.dumps(silent, allow_nan=False))["median_min"] is None
    shown = enforcement.table({"spikes.detectors": {"nobody": silent}}).splitlines()[-1]
    assert shown.startswith("nobody")
    assert " – " in shown


def test_the_same_seed_is_the_same_world() -> None:
    one, other = (simulate(seed=3, series=20, days=5) for _ in range(2))
    assert np.array_equal(one.counts, other.counts)
    assert one.spikes == other.spikes


def test_tally_counts_spikes_delays_and_what_is_false() -> None:
    minutes = 4 * DAY
    counts = np.zeros((minutes, 2), np.uint16)
    counts[3000:3030, 0] = 2
    spikes = [Spike(0, 3000, 3030, 5.0), Spike(1, 3000, 3010, 5.0)]
    world = World(
        counts, np.zeros((minutes, 2), np.float32), np.ones(2), np.zeros(2, np.intp), spikes, np.array([False, True])
    )
    scores = np.zeros((minutes, 2), np.float32)
    scores[3004, 0] = scores[3050, 1] = scores[4500, 1] = scores[100, 1] = 9.0
    found = tally(world, scores, 7.0)
    # within the spike; within the hour behind the other one; behind that; on the first day, which is not counted
    assert (found.found.tolist(), found.many_found.tolist(), found.false.tolist()) == ([1, 0], [1, 0], [0, 1])
    assert (found.delays, found.many.tolist()) == ([5], [1, 0])


def test_series_alerts_again_only_after_calm_and_twelve_hours() -> None:
    scores = np.zeros(3000, np.float32)
    scores[[10, 400, 740]] = 9.0
    assert alerts(scores, 7.0) == [10, 740]
    scores[10:1000] = 4.0  # never below half
    scores[[10, 740, 1500]] = 9.0
    assert alerts(scores, 7.0) == [10, 1500]


@pytest.mark.parametrize("name", light.MONITORS)
def test_a_tick_judges_every_series_once(name: str) -> None:
    assert len(light.tick(light.MONITORS[name], series=300, buckets=2)) == 2
    assert 0 < light.bytes_per_series(light.MONITORS[name]) <= 1024


def test_detection_keeps_the_figures_of_parts_that_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    out.write_text(json.dumps({"rootcause.top1": 0.9, "light.us": 7.0}))
    part = detection.Part("Costs", lambda: {"light.us": 1.5}, lambda figures: f"{figures['light.us']} µs")
    monkeypatch.setitem(detection.PARTS, "light", part)
    assert detection.main(["--only", "light", "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == {"rootcause.top1": 0.9, "light.us": 1.5}
    said = capsys.readouterr().out
    assert "1.5 µs" in said
    assert "NOT reached" not in said
    assert said.count("not run") >= 10


def test_a_goal_that_is_missed_is_said_to_be() -> None:
    said = detection.summary({"spikes.recall": 0.7, "light.us": 5.0})
    assert [line.split()[-2:] for line in said.splitlines() if "reached" in line and "figure" not in line] == [
        ["NOT", "reached"],
        ["5", "reached"],
    ]
