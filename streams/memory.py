"""How often Python looks for cycles in a worker's memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 50_000
"""New objects before the young ones are looked at; Python's own 700 is less than a run of records brings."""


@contextmanager
def cycles_seldom_collected() -> Iterator[None]:
    """Look for cycles seldom: what comes and goes with a run is freed by its count of references, and looking through
    a run of some thousand records some dozen times while it is taken is a fifth of what ingest costs.

    What is there when it begins (modules, models, classes) is looked at again only when it ends.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
