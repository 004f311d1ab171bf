"""The report on `bench.dsa`: every notified alert with its chart,
as `docs/benchmarks/dsa-incidents.md` and `docs/benchmarks/charts/dsa-*.svg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench import dsa
from livewarden.times import DAY_MS, format_ms, parse_ms

DOCS: Final = Path(__file__).parents[1] / "docs" / "benchmarks"
AROUND: Final = 60
"""Days before and after the alert."""
SOURCE: Final = "© European Union, DSA Transparency Database, CC BY 4.0, aggregated"
LEFT, RIGHT, TOP, BOTTOM = 64.0, 628.0, 44.0, 196.0
STYLE: Final = (
    "text{font:12px sans-serif;fill:#7a7f87}.t{font-size:13px;font-weight:bold}"
    ".g{stroke:#888;stroke-opacity:.3}.l{fill:none;stroke:#3b82c4;stroke-width:1.5;stroke-linejoin:round}"
    ".e{stroke:#888;stroke-dasharray:4 "
    "3}.m{stroke:#d9534f;stroke-opacity:.5}.o{fill:none;stroke:#d9534f;stroke-width:2.5}"
)


def write(figures: Mapping[str, Any], docs: Path = DOCS) -> None:
    """Write the page anew, and a chart for every notified alert of a series; older charts go."""
    charts = docs / "charts"
    charts.mkdir(parents=True, exist_ok=True)
    for old in charts.glob("dsa-*.svg"):
        old.unlink()
    counts, part = dsa.counts(), figures["dsa"]
    lines = _head(figures)
    if part["google_shopping"] and "observed" in part["google_shopping"]:
        google = part["google_shopping"] | {"action_type": dsa.GOOGLE}
        name = _name(google)
        (charts / name).write_text(chart(google, dsa.google_counts()), encoding="utf-8")
        lines += [
            f"## {dsa.GOOGLE_DAY} {dsa.GOOGLE}, all statements",
            f"{google['kind']}: {google['observed']:,.0f}, expected {google['expected']:,.0f}, "
            f"score {google['score']:.1f}. A "
            "known incident. The reason was announced four days later; when the alert is over, "
            "its explanation names it "
            f"({', '.join(google['changes'])}), with the verdict {google['verdict']}. "
            "Had the change been known before, the "
            "fall would have been expected, and nothing notified.",
            "",
            f"![All statements of {dsa.GOOGLE} around {dsa.GOOGLE_DAY}](charts/{name})",
            "",
        ]
    for row in part["notified"]:
        lines += _section(row)
        if row["direction"] != "MISSING":
            (charts / _name(row)).write_text(chart(row, counts[row["action_type"]]), encoding="utf-8")
    (docs / "dsa-incidents.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def chart(row: Mapping[str, Any], counts: Mapping[int, float]) -> str:
    """The days around an alert on a log scale, as SVG that is readable on light and dark; unreported days are left
    open.

    `row` has `window_start`, `action_type`, `observed` and `expected`; `counts` are by start of day.

    >>> row = {"window_start": "2025-04-08T00:00:00Z", "action_type": "WARNING", "observed": 90, "expected": 3.0}
    >>> drawn = chart(row, {parse_ms("2025-04-07T00:00:00Z"): 3.0, parse_ms("2025-04-08T00:00:00Z"): 90.0})
    >>> drawn.startswith("<svg"), "2025-04-08: 90 a day, expected 3" in drawn
    (True, True)
    """
    at, known = parse_ms(row["window_start"]), sorted(counts)
    days = [at + off * DAY_MS for off in range(-AROUND, AROUND + 1) if known[0] <= at + off * DAY_MS <= known[-1]]
    shown = [counts[day] for day in days if day in counts]
    low = float(np.floor(np.log10(1.0 + min(shown)))) if min(shown) > 0 else 0.0
    high = max(low + 1.0, float(np.log10(1.0 + max([*shown, row["expected"]]))) + 0.05)

    def x(day: int) -> float:
        return LEFT + (RIGHT - LEFT) * (day - days[0]) / max(1, days[-1] - days[0])

    def y(count: float) -> float:
        place = (float(np.log10(1.0 + max(count, 0.0))) - low) / (high - low)
        return BOTTOM - (BOTTOM - TOP) * max(0.0, place)

    path, pen = "", "M"
    for day in days:
        if day in counts:
            path += f"{pen}{x(day):.1f},{y(counts[day]):.1f}"
        pen = "L" if day in counts else "M"
    ticks = [0.0] * (low == 0.0) + [10.0**power for power in range(int(max(low, 1.0)), int(high) + 1)]
    grid = "".join(
        f'<line x1="{LEFT:.0f}" x2="{RIGHT:.0f}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" class="g"/>'
        f'<text x="{LEFT - 6:.0f}" y="{y(tick) + 4:.1f}" text-anchor="end">{_short(tick)}</text>'
        for tick in ticks
    )
    dates = "".join(
        f'<text x="{x(day):.1f}" y="{BOTTOM + 20:.0f}" text-anchor="{side}">{format_ms(day)[:10]}</text>'
        for day, side in ((days[0], "start"), (at, "middle"), (days[-1], "end"))
        if day == at or abs(x(day) - x(at)) > 110
    )
    title = f"{row['action_type']}, {row['window_start'][:10]}: {row['observed']:,.0f} a day, expected {_usual(row)}"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 258" width="640" height="258" role="img">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f'<text x="8" y="20" class="t">{title}</text>{grid}'
        f'<line x1="{LEFT:.0f}" x2="{RIGHT:.0f}" y1="{y(row["expected"]):.1f}" y2="{y(row["expected"]):.1f}" '
        'class="e"/>'
        f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP:.0f}" y2="{BOTTOM:.0f}" class="m"/>'
        f'<path d="{path}" class="l"/>'
        f'<circle cx="{x(at):.1f}" cy="{y(row["observed"]):.1f}" r="6" class="o"/>{dates}'
        f'<text x="8" y="{BOTTOM + 39:.0f}">log scale · red: the alert · dashed: what was expected</text>'
        f'<text x="8" y="{BOTTOM + 55:.0f}">{SOURCE}</text></svg>\n'
    )


def _head(figures: Mapping[str, Any]) -> list[str]:
    part = figures["dsa"]
    rivals = {"**the shipped monitors**": dsa.ours(figures)} | part["rivals"]
    return [
        "# What the daily monitors tell on the real recording",
        f"Written by `python -m bench.dsa --report`. {SOURCE}.",
        "",
        f"The recording has {dsa.DAYS} days of 21 families of measures. The shipped monitors tell "
        f"{figures['dsa.alerts']} alerts of it, "
        f"{part['not_real']} of them on days that no reader of the chart had called real, "
        "or to say that what was notified before has "
        f"become normal: {figures['dsa.alerts_per_fortnight']} a fortnight (95 % interval of a Poisson count "
        f"{figures['dsa.alerts_per_fortnight_low']} to {figures['dsa.alerts_per_fortnight_high']}; their budgets allow "
        f"{part['expected_by_budget']:.2f}).",
        "",
        "Known incidents, which all who worked on the detector knew, so that this is a check and no blind measure:",
        "",
        "| day | found on its day |",
        "|---|---|",
        *(f"| {name} | {'yes' if hit else '**no**'} |" for name, hit in part["incidents"].items()),
        "",
        "What simple rules tell of the same days ([bench/dsa_rivals.py](../../bench/dsa_rivals.py)). "
        "The median rule is 5 times the median "
        "of the last 28 days, and 200; the z-scores may tell as many alerts as ours:",
        "",
        "| | alerts | not real | known incidents | days labelled real |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {row['alerts']} | {row['not_real']} | {row['incidents']} of {len(dsa.INCIDENTS)} | "
            f"{row['real_found']} of {part['labelled_real']} |"
            for name, row in rivals.items()
        ),
        "",
        "Not real is meant strictly: the labels ([bench/dsa_labels.csv](../../bench/dsa_labels.csv)) say only of days "
        "that somebody looked at "
        "whether a reader would want to be notified, and a day without one counts as not real. "
        "They were made by one reader, before the "
        "detector judged the recording, from lists of days that several rules found, the median rule among them: "
        "that favours it.",
        "",
    ]


def _section(row: Mapping[str, Any]) -> list[str]:
    day = row["window_start"][:10]
    verdict = f"**{'Real' if row['real'] else 'Not real'}**: {row['why']}."
    if row["direction"] == "MISSING":
        return [f"## {day} no reports", f"{row['kind']}. {verdict}", ""]
    return [
        f"## {day} {row['action_type']}",
        (
            f"{row['kind']} of {row['monitor']}: {row['observed']:,.0f}, expected {_usual(row)}, "
            f"score {row['score']:.1f}. "
            f"{verdict}"
        ),
        "",
        f"![{row['action_type']} around {day}](charts/{_name(row)})",
        "",
    ]


def _usual(row: Mapping[str, Any]) -> str:
    return f"{row['expected']:,.0f}" if row["expected"] >= 10 else f"{row['expected']:.2g}"


def _name(row: Mapping[str, Any]) -> str:
    what = "-".join((row["window_start"][:10], row["action_type"], row["kind"])).lower()
    return f"dsa-{what.replace('_', '-').replace(' ', '-')}.svg"


def _short(count: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:g} {unit}"
    return f"{count:g}"
