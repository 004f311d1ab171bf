"""Charts as geometry, and alerts in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.hexdump import as_text, lines
from console.pages.alert import reach
from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS
from sinks.present.chart import HEIGHT, WIDTH, Mark, Point, draw, strip
from sinks.present.wording import sentence
from sinks.queries.counted import selection
from sinks.store.records import AlertRecord
from tests.console_fixtures import MONITOR, T0, alert_row

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
values = st.none() | st.floats(0, 1e12) | st.integers(0, 10**9).map(float)


@given(st.dictionaries(st.integers(0, 200), st.tuples(values, values), max_size=60), st.booleans())
def test_all_of_a_chart_lies_inside_it(points: dict[int, tuple[float | None, float | None]], bars: bool) -> None:
    found = draw(
        [Point(n * MINUTE_MS, *both) for n, both in sorted(points.items())],
        MINUTE_MS,
        from_ms=0,
        to_ms=201 * MINUTE_MS,
        window=(-MINUTE_MS, 400 * MINUTE_MS),
        marks=[Mark(-1, "before"), Mark(0, "first"), Mark(201 * MINUTE_MS, "after")],
        bars=bars,
    )
    if not any(value is not None for both in points.values() for value in both):
        assert found is None
        return
    assert found is not None
    coordinates = [
        tuple(map(float, NUMBER.findall(part)))
        for path in (found.observed, found.expected)
        for part in re.split("(?=[ML])", path)[1:]
    ]
    assert all(0 <= x <= WIDTH and -0.1 <= y <= HEIGHT + 0.1 for x, y in coordinates)
    assert all(
        b.x >= 0 and b.x + b.width <= WIDTH + 0.1 and -0.1 <= b.y <= HEIGHT and b.height >= 0 for b in found.bars
    )
    assert found.shade is not None
    assert (found.shade.x, found.shade.width) == (0, WIDTH)
    assert [mark.text for mark in found.marks] == ["first"]
    assert (found.observed == "") >= bars


def test_a_missing_bucket_breaks_the_line() -> None:
    points = [Point(n * MINUTE_MS, 1.0, 1.0) for n in (0, 1, 2, 5, 6)]
    found = draw(points, MINUTE_MS, from_ms=0, to_ms=7 * MINUTE_MS)
    assert found is not None
    assert [found.observed.count(letter) for letter in "ML"] == [2, 3]


def test_bars_of_the_window_stand_out() -> None:
    points = [Point(n * MINUTE_MS, float(n), 1.0, 0.5) for n in range(5)]
    found = draw(points, MINUTE_MS, from_ms=0, to_ms=5 * MINUTE_MS, window=(2 * MINUTE_MS, 4 * MINUTE_MS), bars=True)
    assert found is not None
    assert [bar.inside for bar in found.bars] == [False, False, True, True, False]
    assert found.y_labels == ["4", "2", "0"]
    assert found.hovers[3].text == "1970-01-01 00:03:00: 3, expected 1, score 0.5"


def test_a_strip_says_what_is_in_each_part() -> None:
    found = strip([0, 3, 0, 1], 0, 4 * HOUR_MS, [Mark(HOUR_MS, "release")], "alerts")
    assert [hover.text for hover in found.hovers] == ["1970-01-01 01:00: 3 alerts", "1970-01-01 03:00: 1 alerts"]
    assert len(found.marks) == 1


def alert(row: Mapping[str, Any]) -> AlertRecord:
    """A row as it is read back."""
    return AlertRecord(**{name: row[name] for name in AlertRecord.model_fields})


def test_the_chart_reaches_from_before_the_onset_to_after_the_end() -> None:
    over = alert_row(1, status="resolved", ends_at=T0 + 20 * MINUTE_MS)
    assert reach(alert(over), T0 - 14 * MINUTE_MS, T0 + DAY_MS) == (T0 - 74 * MINUTE_MS, T0 + 30 * MINUTE_MS)
    start, end = reach(alert(alert_row(1)), T0, T0 + 30 * DAY_MS)
    assert (end - start) == 200 * MINUTE_MS
    late = alert_row(1, ends_at=None)
    assert reach(alert(late), T0 - 400 * MINUTE_MS, T0)[1] == T0 + MINUTE_MS, "the window itself is always in it"


def test_an_alert_in_one_sentence() -> None:
    fires = alert_row(1, scan_buckets=1, observed=992, expected=2831, direction="DOWN")
    assert sentence(alert(fires), "Viewers", None, T0 + 90 * MINUTE_MS) == (
        "Viewers, DE · p7: 992, expected 2,831 (−65 %), since 2026-03-06 18:00 UTC, not over after 1 h 30 min."
    )
    gap = alert_row(1, direction="MISSING", series={}, observed=None, expected=None, scan_buckets=1, scan_observed=None)
    assert sentence(alert(gap), "No events", None, None) == (
        "No events, everything: nothing came, since 2026-03-06 18:00 UTC, not over."
    )
    anomalous = alert_row(1, scan_buckets=1, expected=0, status="resolved")
    assert sentence(alert(anomalous), "m", T0 - HOUR_MS, None) == (
        "m, DE · p7: 30, expected 0, since 2026-03-06 17:00 UTC, over."
    )


def test_events_are_those_of_the_whole_scan_at_the_monitors_precision() -> None:
    found = selection(alert(alert_row(1)), MONITOR)
    assert found is not None
    assert (found.from_ms, found.to_ms) == (T0 - 14 * MINUTE_MS, T0 + MINUTE_MS)
    assert tuple(found.precisions) == ("second", "minute")
    for broken in ({}, {**MONITOR, "precision": "week"}, {**MONITOR, "where": 3}, {**MONITOR, "where": {"a": 3}}):
        assert selection(alert(alert_row(1)), broken) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_shown_as_visible_text(data: bytes) -> None:
    assert all(each.isprintable() or each in "\n\t" for each in as_text(data))
    assert b"".join(bytes.fromhex(numbers) for _, numbers, _ in lines(data)) == data
