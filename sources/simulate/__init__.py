"""A declared simulation of LIVE shopping: seeded, deterministic, with incidents in it and the truth about them.

Nothing here is data. Every event has the source `urn:livewarden:simulation`, every id the prefix `sim-`.
See docs/simulator.md for what is modelled and what is not.
"""

from __future__ import annotations

from sources.simulate.evening import scenario_evening
from sources.simulate.incident import Incident
from sources.simulate.scenario import Scenario
from sources.simulate.world import SOURCE, simulate, truth, truth_json

__all__ = ["SOURCE", "Incident", "Scenario", "scenario_evening", "simulate", "truth", "truth_json"]
