"""How often Python looks for cycles in a worker's memory."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""New objects before the young ones are looked at; Python's own 700 is less than a run of records brings."""


def collect_seldom() -> None:
    """Look for cycles seldom: what comes and goes with a run is freed by its count of references, and looking through
    a run of some thousand records some dozen times while it is taken is a fifth of what ingest costs.

    What is there by now (modules, models, classes) is never looked at again. To be called once, at the start.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
