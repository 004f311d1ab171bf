"""Series of any kind, as `livewarden detect` scores them: `python -m bench.series [--json]`.

Two labelled sets, half of each in `../shared/data`. The Numenta Anomaly Benchmark (29 series), by its own rules,
standard profile: the first 15 % of a series are left out; the earliest row in a window counts, more the earlier it is;
a row outside costs .11; one threshold for all series, the best one, as its own optimiser takes it. And cloud monitoring
series (27): each labelled segment is an event, found where a row in it reaches the threshold, and every row outside
that does is false: F1 at the best threshold, and recall where at most 1 row in 1,000 is false. The parameters of
`models.detect.general` were chosen on every second series of each (`tuned`).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from livewarden.times import parse_ms
from models.detect.general import GeneralSeries

Floats = NDArray[np.float64]
FOLDER: Final = Path(__file__).parents[2] / "shared" / "data"
DATA: Final = FOLDER / "nab_half.zip"
CLOUD: Final = FOLDER / "cloud_monitoring_half.zip"
FALSE_COST: Final = 0.11
PROBATION, MOST_PROBATION = 0.15, 750


class Series(NamedTuple):
    """One series, and its labelled spans of rows: from the first to behind the last."""

    name: str
    times: NDArray[np.int64]
    values: Floats
    spans: list[tuple[int, int]]


def nab() -> list[Series]:
    """The series of the Numenta benchmark, by name."""
    with zipfile.ZipFile(DATA) as archive:
        windows = json.loads(archive.read("combined_windows.json"))
        found = []
        for name in sorted(name for name in archive.namelist() if name.endswith(".csv")):
            rows = list(csv.reader(io.TextIOWrapper(archive.open(name), encoding="utf-8")))[1:]
            times = np.array([_ms(row[0]) for row in rows])
            spans = [
                (int(np.searchsorted(times, _ms(since))), int(np.searchsorted(times, _ms(until), side="right")))
                for since, until in windows.get(name, [])
            ]
            found.append(Series(name, times, np.array([float(row[1]) for row in rows]), spans))
    return found


def cloud() -> list[Series]:
    """The cloud monitoring series, by name."""
    found = []
    with zipfile.ZipFile(CLOUD) as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".csv")):
            rows = list(csv.reader(io.TextIOWrapper(archive.open(name), encoding="utf-8")))[1:]
            edges = np.diff([0, *(int(float(row[2])) for row in rows), 0])
            spans = list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
            values = np.array([float(row[1] or "nan") for row in rows])
            found.append(Series(name, np.array([_ms(row[0]) for row in rows]), values, spans))
    return found


def _ms(text: str) -> int:
    return int(float(text) * 1000) if text.replace(".", "").isdigit() else parse_ms(text.replace(" ", "T")[:19] + "Z")


def scores(series: Series) -> Floats:
    """The score column of `livewarden detect`."""
    first = int(series.times[1] - series.times[0])
    model = GeneralSeries(first if first > 0 else 60_000)
    rows = zip(series.values.tolist(), series.times.tolist(), strict=True)
    return np.array([(model.take(value, at).score or 0.0) if math.isfinite(value) else 0.0 for value, at in rows])


def _sigmoid(place: float) -> float:
    return 2.0 / (1.0 + math.exp(min(5.0 * place, 700.0))) - 1.0


def _steps(series: Series, score: Floats) -> list[tuple[float, float]]:
    """By threshold, falling: what the sum of a series changes by where rows of that score are taken in."""
    first = min(int(PROBATION * len(score)), MOST_PROBATION)
    steps: list[tuple[float, float]] = []
    outside = np.ones(len(score), dtype=bool)
    for since, until in series.spans:
        outside[since:until] = False
        best, earliest = 0.0, []
        for row in range(max(since, first), until):
            if score[row] > best:
                best = float(score[row])
                earliest.append((best, _sigmoid(-(until - row) / (until - since)) / _sigmoid(-1.0)))
        before = -1.0
        for height, value in reversed(earliest):
            steps.append((height, value - before))
            before = value
    for row in np.flatnonzero(outside & (score > 0)).tolist():
        if row >= first:
            ended = [span for span in series.spans if span[1] <= row]
            cost = -FALSE_COST
            if ended:
                since, until = ended[-1]
                place = (row - until + 1) / max(until - since - 1, 1)
                cost = -FALSE_COST if place > 3.0 else FALSE_COST * _sigmoid(place)
            steps.append((float(score[row]), cost))
    return steps


def standard(parts: Sequence[tuple[Series, Floats]]) -> float:
    """NAB's score, standard profile: 0 says nothing, 100 is perfect."""
    steps = sorted((step for series, score in parts for step in _steps(series, score)), reverse=True)
    windows = sum(len(series.spans) for series, _ in parts)
    heights, changes = np.array(steps).T
    sums = np.cumsum(changes)[np.append(heights[1:] != heights[:-1], True)]
    return float(100.0 * max(0.0, sums.max()) / (2 * windows))


def events(parts: Sequence[tuple[Series, Floats]]) -> tuple[float, float]:
    """Event F1 at the best threshold, and recall where at most one row in 1,000 is false."""
    peaks, false, rows = [], [], 0
    for series, score in parts:
        outside = np.ones(len(score), dtype=bool)
        for since, until in series.spans:
            peaks.append(float(score[since:until].max()))
            outside[since:until] = False
        false += score[outside].tolist()
        rows += len(score)
    found, wrong = np.sort(peaks), np.sort(false)
    f1 = recall = 0.0
    for threshold in sorted({peak for peak in peaks if peak > 0}):
        hits = len(found) - int(np.searchsorted(found, threshold))
        misses = len(wrong) - int(np.searchsorted(wrong, threshold))
        f1 = max(f1, 2 * hits / (len(found) + hits + misses))
        recall = max(recall, hits / len(found) if misses <= rows / 1000 else 0.0)
    return f1, recall


def run() -> dict[str, Any]:
    """`nab.standard`, `cloud.f1` and `cloud.recall_1` of the other half; both halves with their intervals."""
    figures: dict[str, Any] = {}
    rng = np.random.default_rng(1)
    sets = {"nab": nab(), "cloud": cloud() if CLOUD.exists() else []}
    for name, every in sets.items():
        judged = [(series, scores(series)) for series in every]
        for half, parts in (("tuned", judged[::2]), ("other", judged[1::2])):
            if not parts:
                continue
            for key, value in _of(name, parts).items():
                again = [
                    _of(name, [parts[i] for i in rng.integers(0, len(parts), len(parts))])[key] for _ in range(200)
                ]
                low, high = np.quantile(again, (0.025, 0.975))
                figures[f"{name}.{half}.{key}"] = {"value": value, "low": float(low), "high": float(high)}
                if half == "other":
                    figures[f"{name}.{key}"] = value
    return figures


def _of(name: str, parts: Sequence[tuple[Series, Floats]]) -> dict[str, float]:
    if name == "nab":
        return {"standard": standard(parts)}
    f1, recall = events(parts)
    return {"f1": f1, "recall_1": recall}


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    shown = [(name, each) for name, each in figures.items() if isinstance(each, dict) and "low" in each]
    return "\n".join(f"{name:24}{each['value']:8.3g} ({each['low']:.3g}–{each['high']:.3g})" for name, each in shown)


def main(args: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.series", description="Labelled series of any kind.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(args)
    if not DATA.exists():
        print(f"series: skipped, {DATA.name} is not there", file=sys.stderr)
        return 0
    figures = run()
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
