"""How far counts swing beyond chance, by how long one looks: learned for each series, shrunk to its family."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.detect.bank import Floats, Rows
from models.detect.columns import Columns, Field

SPANS: Final = (15, 60, 240)
"""Buckets of a block: bursts of minutes, restless hours, and levels that wander."""
PRIOR: Final = np.array([0.1, 0.06, 0.05])
"""The squared relative swing of a block before anything is known …"""
PRIOR_WEIGHT: Final = 200.0
"""… and what that is worth."""
ALIKE: Final = 8.0
"""Siblings differ in it by about half: what is known of a family is worth that much over its square."""
LEAST: Final = 0.01
MEMORY: Final = 14 * 1440.0
"""Buckets after which a block counts a third."""
MOST: Final = 16.0
"""The most that a block may say, in its variances."""
FAMILY_MOST: Final = 64.0
"""Where a family knows that many times as much as it is worth to a child, it forgets."""
LOOKS: Final = 4.0
"""A window of n buckets is looked at anew about every n/4."""

FIELDS: Final = {
    "block_at": Field("f4"),
    "block_off": Field("f4", 3),
    "block_meant": Field("f4", 3),
    "swing_held": Field("f4", 3),
    "swing_known": Field("f4", 3),
    "family_held": Field("f4", 3),
    "family_known": Field("f4", 3),
}
"""The blocks that are open; and by span what own blocks, and on a parent those of its children, said of the swing, and
how much that is worth (2 over its variance).
"""
RECENT: Final = ("block_at", "block_off", "block_meant")


def learn(columns: Columns, rows: Rows, off: Floats, mean: Floats) -> None:
    """Learn how far a bucket was off, and what it was expected to hold."""
    c = columns
    c["block_at"][rows] = (c["block_at"][rows] % SPANS[-1]) + 1.0
    c["block_off"][rows] += off[:, None]
    c["block_meant"][rows] += mean[:, None]
    at = c["block_at"][rows]
    for k, span in enumerate(SPANS):
        full = rows[at % span == 0.0]
        if not len(full):
            return
        meant, off_by = c["block_meant"][full, k].astype(float), c["block_off"][full, k].astype(float)
        swing = learned(c, full)[:, k]
        square = np.minimum(off_by * off_by, MOST * (meant + swing * meant * meant))
        weight = 1.0 / (1.0 + swing * meant) ** 2
        held, known = weight * (square - meant), weight * meant * meant
        keep = 1.0 - span / MEMORY
        c["swing_held"][full, k] = keep * c["swing_held"][full, k] + held
        c["swing_known"][full, k] = keep * c["swing_known"][full, k] + known
        parents = c["parent"][full].astype(np.intp)
        lent = parents >= 0
        if lent.any():
            np.add.at(c["family_held"][:, k], parents[lent], held[lent].astype(np.float32))
            np.add.at(c["family_known"][:, k], parents[lent], known[lent].astype(np.float32))
            family = np.unique(parents[lent])
            usual = _family(c, family)[:, k]
            known_now = c["family_known"][family, k].astype(float)
            forget = np.minimum(1.0, FAMILY_MOST * ALIKE / usual**2 / np.maximum(known_now, 1e-9))
            c["family_held"][family, k] *= forget
            c["family_known"][family, k] *= forget
        c["block_off"][full, k] = c["block_meant"][full, k] = 0.0


def _family(columns: Columns, parents: Rows) -> Floats:
    held = columns["family_held"][parents].astype(float) + PRIOR_WEIGHT * PRIOR
    found: Floats = np.maximum(held / (columns["family_known"][parents] + PRIOR_WEIGHT), LEAST)
    return found


def learned(columns: Columns, rows: Rows) -> Floats:
    """The squared relative swing of blocks of each span beyond chance: a row a series."""
    parents = columns["parent"][rows].astype(np.intp)
    usual = _family(columns, np.where(parents >= 0, parents, rows))
    alone = parents < 0
    usual[alone] = PRIOR
    worth = np.where(alone[:, None], PRIOR_WEIGHT, ALIKE / usual**2)
    own = (columns["swing_held"][rows] + worth * usual) / (columns["swing_known"][rows] + worth)
    found: Floats = np.maximum(own, 0.0)
    return found


def surprise(columns: Columns, rows: Rows, buckets: Floats, held: Floats, meant: Floats, first: Floats) -> Floats:
    """How unusual it is (powers of ten) that that many buckets hold so much, or so little, given how blocks of that
    length swing; `first`: the squared relative swing of a bucket.

    The tail of a negative binomial by its large deviations (Chernoff's bound, with the factor of Bahadur and Rao).
    """
    by_span = np.concatenate([first[:, None], learned(columns, rows)], axis=1)
    places = np.log(np.array([1.0, *SPANS]))
    where = np.clip(np.log(buckets), 0.0, places[-1])
    at = np.minimum(np.searchsorted(places, where, side="right") - 1, len(places) - 2)
    share = (where - places[at]) / (places[at + 1] - places[at])
    line = np.arange(len(rows))
    swing = by_span[line, at] * (1.0 - share) + by_span[line, at + 1] * share
    swing = swing + 1.0 / (columns["a"][rows] + 0.5)
    size = 1.0 / np.maximum(swing, 1e-4)
    y, m = np.maximum(held, 1e-9), np.maximum(meant, 1e-9)
    far = np.maximum(y * np.log(y / m) - (y + size) * np.log((y + size) / (m + size)), 0.0)
    tail = far + np.log(np.maximum(np.sqrt(4.0 * np.pi * far), 1.0))
    found: Floats = tail / np.log(10.0) + np.log10(np.maximum(buckets / LOOKS, 1.0))
    return found
