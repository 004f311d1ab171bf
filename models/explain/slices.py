"""Slices of a table: groups of leaves that share the values of one to three dimensions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray


class Slices:
    """Every combination of up to `depth` dimension values that occurs.

    `codes` numbers the value of each dimension (column) in each leaf (row) from 1; a leaf with 0 is in no slice of that
    dimension. `of[i]` lists the slices that leaf i is in; slice 0 stands for none.

    >>> slices = Slices(np.array([[1, 1], [1, 2], [2, 1]]), depth=1)
    >>> len(slices), slices.sums(np.array([10.0, 20.0, 30.0])).tolist()
    (5, [0.0, 30.0, 30.0, 40.0, 20.0])
    >>> slices.dims(3), int(slices.leaf[3])
    ((1,), 0)
    """

    def __init__(self, codes: NDArray[np.int64], depth: int) -> None:
        width = codes.shape[1]
        sizes = codes.max(axis=0, initial=0) + 1
        self._subsets = [dims for k in range(1, min(depth, width) + 1) for dims in combinations(range(width), k)]
        self.of = np.zeros((len(codes), len(self._subsets)), dtype=np.int64)
        leaf, subset = [np.zeros(1, dtype=np.int64)], [np.full(1, -1)]
        total = 1
        for j, dims in enumerate(self._subsets):
            inside = np.flatnonzero((codes[:, dims] > 0).all(axis=1))
            key = np.zeros(len(inside), dtype=np.int64)
            for d in dims:
                key = key * sizes[d] + codes[inside, d]
            _, first, number = np.unique(key, return_index=True, return_inverse=True)
            self.of[inside, j] = number + total
            leaf.append(inside[first])
            subset.append(np.full(len(first), j))
            total += len(first)
        self.leaf = np.concatenate(leaf)
        """A leaf of each slice; it has the slice's values."""
        self._subset = np.concatenate(subset)
        self.depth = np.array([0, *(len(dims) for dims in self._subsets)])[self._subset + 1]

    def __len__(self) -> int:
        return len(self.leaf)

    def dims(self, number: int) -> tuple[int, ...]:
        """The dimensions (by column) that define a slice."""
        return self._subsets[int(self._subset[number])]

    def sums(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of a number per leaf, for each slice; 0 for slice 0."""
        sums = np.bincount(self.of.ravel(), np.repeat(weights, self.of.shape[1]), len(self)).astype(np.float64)
        sums[0] = 0
        return sums

    def inside(self, number: int) -> NDArray[np.bool_]:
        """Which leaves a slice holds."""
        inside: NDArray[np.bool_] = (self.of == number).any(axis=1)
        return inside
