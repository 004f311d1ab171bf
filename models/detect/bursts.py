"""How much more blocks of buckets swing than their buckets would if they were independent."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.detect.bank import Floats, Rows
from models.detect.columns import Columns, Field

BLOCK: Final = 15.0
"""Buckets of a block."""
GAIN: Final = 0.01
"""Weight of the newest block."""
SLACK: Final = 0.6
"""What of it is chance."""
MOST: Final = 30.0
"""The most that one block may say."""

FIELDS: Final = {
    "block_buckets": Field("f8"),
    "block_off": Field("f8"),
    "block_spread": Field("f8"),
    "burst": Field("f8", 0, 1.0),
}


def learn(columns: Columns, rows: Rows, off: Floats, spread: Floats) -> None:
    """Learn how far a bucket was off, and the variance that it should have."""
    columns["block_buckets"][rows] += 1.0
    columns["block_off"][rows] += off
    columns["block_spread"][rows] += spread
    full = rows[columns["block_buckets"][rows] >= BLOCK]
    if len(full):
        ratio = np.minimum(columns["block_off"][full] ** 2 / np.maximum(columns["block_spread"][full], 1e-9), MOST)
        ratio = np.where(columns["block_spread"][full] < 1.0, 1.0, ratio)
        columns["burst"][full] += GAIN * (ratio - columns["burst"][full])
        columns["block_buckets"][full] = columns["block_off"][full] = columns["block_spread"][full] = 0.0


def divisor(columns: Columns, rows: Rows) -> Floats:
    """By what evidence is divided: 1 for independent buckets, more for bursty ones."""
    found: Floats = np.maximum(columns["burst"][rows] - SLACK, 1.0)
    return found
