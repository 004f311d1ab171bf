"""The harm of a cut LIVE, against the room's own course."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from livewarden.harm import MOST_MS, Cut, RoomMinute, harm_of, lost_live
from livewarden.times import MINUTE_MS

CUT = 100 * MINUTE_MS


def course(before: float, after: float, minutes: int = 15) -> list[RoomMinute]:
    """A room with so many viewers in each minute before the cut and after it."""
    rows = [RoomMinute(CUT + minute * MINUTE_MS, before, 300, "EUR") for minute in range(-minutes, 0)]
    return rows + [RoomMinute(CUT + minute * MINUTE_MS, after, 0, "EUR") for minute in range(120)]


def test_what_a_room_still_had_is_no_loss_and_nothing_counts_after_an_hour() -> None:
    long = lost_live(Cut("a", "r", CUT, CUT + 3 * MOST_MS, False), course(200, 50))
    assert long is not None
    assert (long.viewer_minutes, long.gmv_minor) == (60 * 150, 60 * 300)
    back = lost_live(Cut("a", "r", CUT, CUT + 10 * MINUTE_MS, True), course(200, 50))
    assert back is not None
    assert back.viewer_minutes == 10 * 150
    assert lost_live(Cut("a", "r", CUT, CUT + MOST_MS, False), course(200, 900)).viewer_minutes == 0  # type: ignore[union-attr]
    assert lost_live(Cut("a", "r", CUT, CUT + MOST_MS, False), course(200, 0, minutes=0)) is None


def test_two_sources_of_viewers_are_one_room() -> None:
    one = lost_live(Cut("a", "r", CUT, CUT + MOST_MS, False), course(200, 0))
    two = lost_live(Cut("a", "r", CUT, CUT + MOST_MS, False), [*course(150, 0), *course(50, 0)])
    assert one is not None
    assert two is not None
    assert two.viewer_minutes == one.viewer_minutes


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 500)), max_size=8))
@settings(max_examples=40)
def test_never_more_is_credited_back_than_was_lost(drawn: list[tuple[bool, int]]) -> None:
    cuts = [Cut(f"a{n}", f"r{n}", CUT, CUT + MOST_MS, back) for n, (back, _) in enumerate(drawn)]
    lost = [lost_live(cut, course(viewers, 0)) for cut, (_, viewers) in zip(cuts, drawn, strict=True)]
    harm = harm_of(cuts, [each for each in lost if each is not None])
    assert 0 <= harm.credited_minutes <= harm.viewer_minutes
    assert harm.viewer_minutes - harm.credited_minutes == sum(60 * viewers for back, viewers in drawn if not back)
    assert (harm.cuts, harm.overturned) == (len(drawn), sum(back for back, _ in drawn))
