"""The series of a monitor: which there are, their places in its bank, and the last buckets of each as evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from models.detect.bank import Bank, Floats, Rows
from models.detect.columns import Columns, Field
from models.monitors.plan import SeriesKey

Point = tuple[int, float, float, float]
"""Start (ms), observed, expected, score of one judged bucket."""

REMEMBERED = 30
"""How many buckets are kept as evidence."""


class SeriesIndex:
    """Known series in the order of their keys, each with a row of the bank, and with a parent where it is a slice of
    more.

    The parent of a series is the slice that all but the last of its dimensions make: of (market, policy), the market.
    Parents are in the bank too, but they are no series: nobody asked for them.
    """

    def __init__(self, group_by: Sequence[str], bank: Bank) -> None:
        self._group_by = tuple(group_by)
        self._bank = bank
        self._row: dict[SeriesKey, int] = {}
        self._parents: dict[SeriesKey, int] = {}
        self._facts = Columns(
            {
                "seen": Field("i8"),
                "observed": Field("f8", REMEMBERED, np.nan),
                "expected": Field("f8", REMEMBERED, np.nan),
                "score": Field("f8", REMEMBERED, np.nan),
            }
        )
        self._fact: dict[SeriesKey, int] = {}
        self._labels: dict[SeriesKey, Mapping[str, str]] = {}
        self._starts = [0] * REMEMBERED
        self._at = 0
        self._arrange()

    def __len__(self) -> int:
        return len(self._row)

    def __contains__(self, key: SeriesKey) -> bool:
        return key in self._row

    def missing(self, keys: Iterable[SeriesKey]) -> list[SeriesKey]:
        """Those of the keys that are not known yet, in order."""
        return sorted(key for key in keys if key not in self._row)

    def admit(self, keys: Sequence[SeriesKey], quiet: int = 0) -> None:
        """Add series that are not known yet; `quiet`: for how many buckets the monitor has seen others."""
        if not keys:
            return
        parents = sorted({key[:-1] for key in keys if key} - self._parents.keys())
        parent_rows = self._bank.add(np.full(len(parents), -1, dtype=np.intp))
        self._parents.update(zip(parents, parent_rows.tolist(), strict=True))
        of = np.array([self._parents[key[:-1]] if key else -1 for key in keys], dtype=np.intp)
        rows = self._bank.add(of)
        self._bank.learn_quiet(np.concatenate([parent_rows, rows]), quiet)
        self._row.update(zip(keys, rows.tolist(), strict=True))
        self._fact.update(zip(keys, self._facts.add(len(keys)).tolist(), strict=True))
        self._labels.update((key, dict(zip(self._group_by, key, strict=True))) for key in keys)
        self._arrange()

    def forget(self, keys: Sequence[SeriesKey]) -> list[SeriesKey]:
        """Drop series, and parents that have no more; returns all that were dropped."""
        if not keys:
            return []
        self._facts.drop(np.array([self._fact.pop(key) for key in keys], dtype=np.intp))
        self._bank.drop(np.array([self._row.pop(key) for key in keys], dtype=np.intp))
        for key in keys:
            del self._labels[key]
        wanted = {key[:-1] for key in self._row if key}
        lone = [parent for parent in self._parents if parent not in wanted]
        self._bank.drop(np.array([self._parents.pop(parent) for parent in lone], dtype=np.intp))
        self._arrange()
        return [*keys, *lone]

    def see(self, positions: Rows, start_ms: int) -> None:
        """Those had something in the bucket that starts there."""
        self._facts["seen"][self._fact_rows[positions]] = start_ms

    def postpone(self, by_ms: int) -> None:
        """That time was a gap: it does not count when it is asked how long a series was not seen."""
        self._facts["seen"][self._fact_rows] += by_ms

    def not_after(self, until_ms: int) -> None:
        """No series was seen after that moment: what says so is from a time that was in the future."""
        seen = self._facts["seen"]
        seen[self._fact_rows] = np.minimum(seen[self._fact_rows], until_ms)

    def unseen_since(self, before_ms: int) -> list[SeriesKey]:
        """The series of which nothing was seen since then."""
        seen = self._facts["seen"][self._fact_rows]
        return [self.keys[index] for index in np.flatnonzero(seen < before_ms).tolist()]

    def remember(self, positions: Rows, start_ms: int, observed: Floats, expected: Floats, score: Floats) -> None:
        """Keep what was judged as evidence; the oldest bucket of all series makes room."""
        self._at = (self._at + 1) % REMEMBERED
        self._starts[self._at] = start_ms
        rows = self._fact_rows[positions]
        for name, values in (("observed", observed), ("expected", expected), ("score", score)):
            column = self._facts[name]
            column[:, self._at] = np.nan
            column[rows, self._at] = values

    def points(self, key: SeriesKey) -> list[Point]:
        """The last judged buckets of a series, oldest first."""
        row = self._fact.get(key)
        if row is None:
            return []
        observed, expected, score = (self._facts[name][row].tolist() for name in ("observed", "expected", "score"))
        oldest = self._at + 1
        return [
            (self._starts[i], observed[i], expected[i], score[i])
            for i in (*range(oldest, REMEMBERED), *range(oldest))
            if score[i] == score[i]  # which no NaN is
        ]

    def family_sums(self, values: Floats) -> Floats:
        """For each parent, the sum over its children; whole numbers add up exactly, in any order."""
        if not self._parents:
            return np.zeros(0)
        return np.bincount(self._family, weights=values, minlength=len(self._parents)).astype(np.float64)

    def family_means(self, values: Floats) -> Floats:
        """For each parent, the mean over its children."""
        return self.family_sums(values) / np.maximum(self.family_sums(np.ones(len(values))), 1.0)

    def header(self) -> dict[str, Any]:
        """What is common to all series, as plain JSON values."""
        return {"starts": self._starts, "at": self._at}

    def restore_header(self, state: Mapping[str, Any]) -> None:
        """The inverse of `header`."""
        self._starts, self._at = list(state["starts"]), state["at"]

    def snapshot(self, key: SeriesKey) -> dict[str, Any] | None:
        """All that is known of a series, or of a parent, as plain JSON values; None of what was forgotten."""
        if key in self._row:
            return {"detector": self._bank.snapshot(self._row[key]), "facts": self._facts.dump(self._fact[key])}
        if key in self._parents:
            return {"detector": self._bank.snapshot(self._parents[key])}
        return None

    def restore(self, states: Mapping[SeriesKey, Mapping[str, Any]]) -> None:
        """Take back series and parents, in any order. One of another layout raises KeyError,
        TypeError or ValueError.
        """
        self.admit(self.missing(key for key, state in states.items() if "facts" in state))
        for key, state in states.items():
            if "facts" in state:
                self._bank.restore(self._row[key], state["detector"])
                self._facts.load(self._fact[key], state["facts"])
            else:
                self._bank.restore(self._parents[key], state["detector"])

    @property
    def parents(self) -> list[SeriesKey]:
        """The slices that series borrow from."""
        return list(self._parents)

    def _arrange(self) -> None:
        """Columns over all series, in the order of their keys."""
        self.keys = sorted(self._row)
        self.labels = [self._labels[key] for key in self.keys]
        self.position = {key: index for index, key in enumerate(self.keys)}
        self.rows: Rows = np.array([self._row[key] for key in self.keys], dtype=np.intp)
        self._fact_rows: Rows = np.array([self._fact[key] for key in self.keys], dtype=np.intp)
        number = {parent: index for index, parent in enumerate(self._parents)}
        self.parent_rows: Rows = np.array(list(self._parents.values()), dtype=np.intp)
        self._family: Rows = np.array([number[key[:-1]] for key in self.keys if key], dtype=np.intp)
