"""What a monitor counted around an alert, slice by slice."""

from __future__ import annotations

from livewarden.times import MINUTE_MS
from models.aggregate.slice_sums import SliceSums
from tests.core_fixtures import T0, action, monitor, quality

WINDOW = (T0 + 20 * MINUTE_MS, T0 + 22 * MINUTE_MS)


def test_slices_inside_the_series_and_series_beside_it() -> None:
    asked = monitor(group_by=["market", "action_type"], explain_by=["policy_id"])
    series = {"market": "DE", "action_type": "WARNING"}
    sums = SliceSums(asked, series, T0, T0 + 30 * MINUTE_MS, WINDOW)
    kinds = {"market": "DE", "action_type": "WARNING"}
    for minute in range(30):
        count = 9 if minute in (20, 21) else 2
        for n in range(count):
            sums.add(action(f"a{minute}-{n}", T0 + minute * MINUTE_MS, policy_id="p7", shop_id=f"s{n}", **kinds))
        sums.add(action(f"b{minute}", T0 + minute * MINUTE_MS, policy_id="p1", **kinds))
        sums.add(action(f"c{minute}", T0 + minute * MINUTE_MS, "IT", action_type="WARNING"))
        sums.add(action(f"d{minute}", T0 + minute * MINUTE_MS, "IT", action_type="AD_REJECTED"))
    sums.add(action("a20-0", T0 + 20 * MINUTE_MS, policy_id="p7", **kinds))
    sums.add(action("outside", T0 + 30 * MINUTE_MS, policy_id="p7", **kinds))
    found = {(each.dimension, each.value, each.inside): each for each in sums.slices()}
    assert set(found) == {
        *(("policy_id", "p7", True), ("policy_id", "p1", True)),
        *(("market", "DE", False), ("market", "IT", False)),
    }
    carries, beside = found["policy_id", "p7", True], found["market", "IT", False]
    assert (carries.now, carries.median * carries.buckets, carries.excess) == (18, 4, 14)
    assert (beside.now, beside.excess, beside.least, beside.most) == (2, 0, 1, 1)
    assert next(iter(found)) == ("market", "DE", False)
    assert [value for _, value in carries.points] == [9.0 if minute in (20, 21) else 2.0 for minute in range(30)]
    assert (sums.who["market"], sums.who["shop_id"]["s0"]) == ({"DE": 20}, 2)


def test_a_ratio_is_that_of_the_whole_window_and_unknown_without_what_it_is_out_of() -> None:
    asked = monitor(
        event="traffic.quality", measure="ratio(stalled, samples)", detector="traffic", group_by=["market"], bucket="1m"
    )
    sums = SliceSums(asked, {"market": "DE"}, T0, T0 + 23 * MINUTE_MS, WINDOW)
    for minute in range(22):
        for market in ("DE", "IT"):
            stalled = 60 if minute >= 20 and market == "DE" else 10
            sums.add(quality(f"{market}{minute}", T0 + minute * MINUTE_MS, market, samples=100, stalled=stalled))
    german, italian = sums.slices()
    assert (german.value, german.now, german.median, german.buckets) == ("DE", 0.6, 0.1, 1)
    assert (italian.now, italian.excess) == (0.1, 0.0)
    assert german.points[-1] == (T0 + 22 * MINUTE_MS, None)
