"""A jump of the radar is one alert, at the cell that carries it, as long as it lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise

from livewarden.alert import Alert
from livewarden.times import DAY_MS
from models.misjudgement.alarm import alarms
from models.misjudgement.cell import Cell
from models.misjudgement.cohorts import APPEALED, MEASURES, UPHELD, CohortRow, Cohorts, Outcome
from models.misjudgement.radar import Change, radar
from models.misjudgement.reversal import ReversalKind
from sources.simulate.misjudged import MisjudgedWorld, misjudged_days, triangle_counts

DAYS, RELEASE = 250, 220
BAD = Cell("counterfeit", "DE", "q1", "counterfeit-model 7", "AUTOMATED")
CELLS: Mapping[Cell, int | None] = {
    BAD: RELEASE,
    BAD._replace(market="FR"): None,
    BAD._replace(policy="weapons", model="weapons-model 2"): None,
}
CHANGES = [Change("rel-7", RELEASE, "counterfeit-model", ("DE",))]


@cache
def cohorts() -> Cohorts:
    """Three cells for 250 days; the model of one is wrong twice as often from day 220 on."""
    found = Cohorts()
    for number, (cell, release) in enumerate(CELLS.items()):
        world = MisjudgedWorld(
            seed=8_100 + number, days=DAYS, per_day=1_500, appealed=0.06, granted=0.3, release_day=release
        )
        drawn = misjudged_days(world)
        measures, granted = triangle_counts(drawn, DAYS)
        upheld = triangle_counts(drawn, DAYS, granted=False)[1]
        for day in range(DAYS):
            found.add(CohortRow(cell, day, 0, MEASURES, int(measures[day])))
            outcomes: tuple[tuple[Outcome, object], ...] = ((ReversalKind.APPEAL, granted), (UPHELD, upheld))
            for outcome, counts in outcomes:
                for age, number_of in enumerate(counts[day].tolist()):  # type: ignore[index]
                    if number_of:
                        found.add(CohortRow(cell, day, age, outcome, number_of))
                        found.add(CohortRow(cell, day, age, APPEALED, number_of))
    return found


def said(days: Sequence[int], changes: list[Change]) -> dict[str, list[Alert]]:
    """Every version of every alert, by id, of a radar that looks once a day."""
    versions: dict[str, list[Alert]] = {}
    for day in days:
        firing = [each[-1] for each in versions.values() if each[-1].status == "firing"]
        for alert in alarms(radar(cohorts(), day, changes), day, changes, firing):
            versions.setdefault(alert.alert_id, []).append(alert)
    return versions


def test_a_jump_is_told_once_at_the_cell_that_carries_it_with_the_change_that_names_it() -> None:
    versions = said((216, 223, 226), CHANGES)
    ((alert,),) = versions.values()
    assert alert.series.items() >= {"policy_id": "counterfeit", "market": "DE"}.items()
    assert (alert.kind, alert.status, alert.window_start_ms) == ("OVERTURN_RISE", "firing", RELEASE * DAY_MS)
    assert alert.observed is not None
    assert alert.expected is not None
    assert alert.observed > 1.3 * alert.expected
    assert alert.explanation is not None
    assert alert.explanation["verdict"]["verdict"] == "MODEL"
    assert [each["change_id"] for each in alert.explanation["changes"]] == ["rel-7"]


def test_asked_again_about_the_same_day_it_adds_nothing_and_it_ends_when_no_cell_jumps() -> None:
    lines = list(radar(cohorts(), 230, CHANGES))
    (alert,) = alarms(lines, 230, CHANGES, [])
    assert alarms(lines, 230, CHANGES, [alert]) == []
    (over,) = alarms(radar(cohorts(), 200), 200, [], [alert])
    assert (over.alert_id, over.version, over.status, over.ends_at_ms) == (alert.alert_id, 2, "resolved", 201 * DAY_MS)


def test_without_a_change_it_is_not_known_why() -> None:
    versions = said((216, 230, 235), [])
    (alert, *_) = next(iter(versions.values()))
    assert alert.explanation is not None
    assert alert.explanation["verdict"]["verdict"] == "INSUFFICIENT_EVIDENCE"
    assert all(one.version + 1 == other.version for each in versions.values() for one, other in pairwise(each))
