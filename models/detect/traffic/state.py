"""What the traffic bank keeps of its series, each quantity by its name."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.detect.bank import Floats, Rows
from models.detect.columns import Columns, Field

KNOWN: Final = 200
"""Buckets after which a parent knows what is usual."""
MEANS: Final = 3
"""Running means of a series: a slow one, a faster one, and the bucket before."""
SIDES: Final = 2
"""What is kept for each side of a mean stands twice: first of falls, then of rises."""
BUCKETS: Final = 4
"""Buckets that are looked at together: this one and the three before it."""

Mask = NDArray[np.bool_]


class StateColumn:
    """A column of a `State`, or some that lie side by side. It is a view: what is written goes into the block."""

    def __init__(self, at: int, count: int = 0) -> None:
        self._index = slice(None), slice(at, at + count) if count else at

    def __get__(self, state: State, _: object = None) -> Floats:
        return state.block[self._index]

    def __set__(self, state: State, values: ArrayLike) -> None:
        state.block[self._index] = values


class State:
    """The plain numbers of some series. They lie side by side, so that all of a series are read and written at once.

    >>> state = State(np.zeros((2, State.WIDTH)))
    >>> state.seen += 1.0
    >>> state.block[:, 0]
    array([1., 1.])
    """

    WIDTH: Final = 22
    __slots__ = ("block",)

    seen = StateColumn(0)
    """Buckets learned."""
    moved = StateColumn(1)
    """Those of them in which the value changed."""
    age = StateColumn(2)
    """Buckets since the level began, or was set anew."""
    last = StateColumn(3)
    """The value of the bucket before."""
    noise = StateColumn(4, 2)
    """The mean distance of late, and of days."""
    calm = StateColumn(6, MEANS)
    """By how much the units of each mean shrink or grow with the noise of late."""
    loose = StateColumn(9)
    """How much wider units are after an announced change: 1 at first, then fading."""
    settling = StateColumn(10)
    """Buckets still to come before a level is taken after a gap."""
    candidate = StateColumn(11)
    """The value among them that is nearest to the level before."""
    slot = StateColumn(12)
    """The hour of the day (of the week) that is being summed; −1 before the first."""
    peak = StateColumn(13)
    """The oddness of its most anomalous bucket."""
    hour_sum = StateColumn(14)
    hour_count = StateColumn(15)
    """What its buckets held, each clipped, and how many they were."""
    hours = StateColumn(16)
    """Hours learned."""
    level = StateColumn(17)
    """The mean of an hour."""
    size = StateColumn(18)
    """The mean of its absolute: what the shape of the day is relative to."""
    tied = StateColumn(19, 3)
    """Whether the shape predicts the values: products of what the slow mean missed (x) and of what the shape said (y)
    with each other, of y with itself, of x with itself."""

    def __init__(self, block: Floats) -> None:
        self.block = block

    def of(self, some: Mask) -> State:
        """The numbers of some of the series, copied."""
        return State(self.block[some])


class Recent:
    """The three buckets before this one, the oldest first: how anomalous on each side, the value and what was expected.

    >>> recent = Recent(np.zeros((1, Recent.WIDTH)))
    >>> ones = np.ones(1)
    >>> recent.then(ones, ones * 2, ones * 3, ones * 4).value
    array([[0., 0., 3.]])
    """

    WIDTH: Final = (BUCKETS - 1) * 4
    __slots__ = ("block",)

    def __init__(self, block: Floats) -> None:
        self.block = block

    @property
    def balances(self) -> Floats:
        """Series × buckets × 2: how anomalous each was as a fall, less what it was as a rise; and the other way."""
        return self._buckets[:, :, :2]

    @property
    def value(self) -> Floats:
        """Series × buckets: what each held."""
        return self._buckets[:, :, 2]

    @property
    def expected(self) -> Floats:
        """Series × buckets: what each was expected to hold."""
        return self._buckets[:, :, 3]

    @property
    def _buckets(self) -> Floats:
        return self.block.reshape(-1, BUCKETS - 1, 4)

    def then(self, down: Floats, up: Floats, value: Floats, expected: Floats) -> Recent:
        """One bucket further on: the oldest goes."""
        block = np.empty_like(self.block)
        block[:, :8] = self.block[:, 4:]
        block[:, 8], block[:, 9], block[:, 10], block[:, 11] = down, up, value, expected
        return Recent(block)


class TrafficSeries(Columns):
    """The columns of all series of a traffic bank, and the parent of each. `slots`: hours of the shape; 0, 24 or 168.

    `means`: three a series; `lags`: what the shape of the day said when each was taken (NaN: nothing);
    `extremes` and `usual`: of the distance to each mean, for each side; `units`: what those make.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        fields = {
            "state": Field("f8", State.WIDTH),
            "means": Field("f8", MEANS),
            "lags": Field("f8", MEANS, np.nan),
            "extremes": Field("f8", SIDES * MEANS),
            "usual": Field("f8", SIDES * MEANS),
            "units": Field("f8", SIDES * MEANS, 1e-12),
            "recent": Field("f8", Recent.WIDTH),
        }
        if slots:
            fields |= {"habit": Field("f2", 24), "shape": Field("f2", slots, np.nan)}
        super().__init__(fields)
        self._parents = Columns({"row": Field("i8", 0, -1)})

    def open(self, parents: Rows) -> Rows:
        """Rows for as many fresh series as `parents` has; −1 for one without a parent."""
        rows = self.add(len(parents))
        self._parents.add(len(parents))
        self._parents["row"][rows] = parents
        state = self.state(rows)
        state.calm, state.slot = 1.0, -1.0
        self.keep(rows, state)
        return rows

    def drop(self, rows: Rows) -> None:
        """Forget series; their rows may be given to others."""
        super().drop(rows)
        self._parents.drop(rows)

    @property
    def bytes_per_parent(self) -> int:
        """What the row of a parent takes, which is no part of a saved state."""
        return self._parents.bytes_per_row

    def state(self, rows: Rows) -> State:
        """The plain numbers of some series, copied: `keep` writes them back."""
        return State(self["state"][rows])

    def keep(self, rows: Rows, state: State) -> None:
        """Write numbers back."""
        self["state"][rows] = state.block

    def parents(self, rows: Rows) -> Rows:
        """The row of each one's parent, −1 without one."""
        parents: Rows = self._parents["row"][rows]  # type: ignore[assignment]
        return parents

    def parent_knows(self, rows: Rows) -> Mask:
        """Whether there is a parent that has seen enough to know what is usual."""
        parents = self.parents(rows)
        known: Mask = (parents >= 0) & (State(self["state"]).seen[parents] >= KNOWN)
        return known

    def reach(self, rows: Rows, up: Mask) -> Floats:
        """Series × means: the units of each on the side where its value is."""
        units = self["units"][rows]
        return np.where(up, units[:, MEANS:], units[:, :MEANS])
