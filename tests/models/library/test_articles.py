"""Articles: their head, how they do, when they are stale, and what an FAQ entry needs; recommendations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Any, Final

import pytest

from livewarden.library_entry import LibraryEntry
from livewarden.times import DAY_MS
from models.library.article import Article, ArticleLink, link_rate, parse_article, use_of, why_not_published
from models.library.recommendation import applies, measured_effect, parse_bank
from tests.response_fixtures import Desk

ARTICLE: Final = Article(
    "payouts", 2, "playbook", "Payouts held", "policy", ("appeals",), "p7@7", date(2027, 1, 1), "# Payouts held\nAsk.\n"
)
TODAY: Final = date(2026, 6, 1)
NOW: Final = 1_000 * DAY_MS


def links(*outcomes: str, ref: str = "payouts@2", newest: int = NOW) -> list[ArticleLink]:
    return [
        ArticleLink(f"c{n}", ref, outcome, newest - (len(outcomes) - n) * DAY_MS, closed=True)
        for n, outcome in enumerate(outcomes)
    ]


def test_every_mistake_of_a_head_is_named() -> None:
    with pytest.raises(ValueError, match="has no head"):
        parse_article("# Title\n", "a.md")
    with pytest.raises(ValueError, match="owner is missing") as raised:
        parse_article("---\nid: A b\nversion: 0\nreview: soon\ncolour: red\nkind: tale\npolicy: p7\n---\ntext", "a.md")
    said = str(raised.value)
    for each in ("line 5: 'colour: red'", "no title", "id:", "version:", "review:", "kind:", "policy:"):
        assert each in said, each


def test_a_new_policy_version_makes_every_article_stale_that_names_the_old_one() -> None:
    articles = [ARTICLE, replace(ARTICLE, article_id="x"), replace(ARTICLE, article_id="y", policy="p9@7")]
    fresh = [use_of(each, (), {"p7": "7"}, NOW, TODAY).stale for each in articles]
    assert fresh == [(), (), ()]
    stale = [use_of(each, (), {"p7": "8"}, NOW, TODAY).stale for each in articles]
    assert stale == [("p7 is at version 8, it says 7",)] * 2 + [()]


def test_articles_age_by_review_use_and_what_they_solve() -> None:
    assert use_of(ARTICLE, (), {}, NOW, date(2027, 1, 2)).stale == ("its review was due on 2027-01-01",)
    unused = use_of(ARTICLE, links("solved", newest=NOW - 100 * DAY_MS), {}, NOW, TODAY)
    assert unused.stale == ("nobody has used it for 101 days",)
    good, bad = ["solved"] * 12, ["wrong"] * 9 + ["solved"]
    assert use_of(ARTICLE, links(*good, *good), {}, NOW, TODAY).stale == ()
    assert use_of(ARTICLE, links(*good, *bad), {}, NOW, TODAY).stale == (
        "it solved 1 of the last 10, and 12 of the 12 before",
    )


def test_a_case_counts_once_and_with_what_it_said_last() -> None:
    said = [*links("wrong", "", "partly"), ArticleLink("c0", "payouts@2", "solved", NOW, closed=True)]
    use = use_of(ARTICLE, [*said, *links("solved", ref="payouts@1")], {}, NOW, TODAY)
    assert (use.links, use.judged, use.solved) == (3, 2, 1)
    assert use.interval[0] < 0.5 < use.interval[1]
    # two of four closed cases have one linked, though three links are there
    some = [*links("solved", "wrong"), ArticleLink("c0", "x@1", "", NOW, closed=True)]
    assert link_rate([*some, ArticleLink("c9", "x@1", "", NOW, closed=False)], 4) == 0.5
    assert link_rate([], 0) is None


@pytest.mark.parametrize(
    "words",
    [
        "see 27c4b1f0-3a51-5c3e-8f0e-4c1d2a6b7c80",
        "order 4711234",
        "write to ana@example.org",
        "shop sx81723650a",
        "as in case seventeen",
    ],
)
def test_no_id_stands_in_an_faq_entry(words: str) -> None:
    entry = replace(ARTICLE, kind="faq", body=f"# Why?\n{words}\n")
    assert why_not_published(entry, 5, 3, ["seventeen"])[0].startswith("an id stands in it")
    assert (
        why_not_published(replace(entry, body="# Why?\nIn version 7.2, within 14 days.\n"), 5, 3, ["seventeen"]) == []
    )


def test_an_faq_entry_needs_five_cases_of_three_shops() -> None:
    assert why_not_published(ARTICLE, 4, 2) == [
        "4 closed cases support it, 5 are needed",
        "2 shops are in them, 3 are needed",
    ]


def entry(**changes: Any) -> LibraryEntry:
    return LibraryEntry.model_validate({"entry_id": "c", "title": "t"} | changes)


def test_what_ships_applies_where_most_cases_are_so() -> None:
    bank = {e.id: e for e in parse_bank(files("livewarden").joinpath("recommendations.toml").read_text("utf-8"), "b")}
    wrong = [entry(cause="MODEL", resolution="WRONG_ENFORCEMENT") for _ in range(2)]
    other = [entry(cause="POLICY", resolution="AS_INTENDED")]
    hold, threshold, announce = (bank[each] for each in ("hold-model-release", "raise-threshold", "announce-change"))
    assert applies(hold, wrong)
    assert applies(hold, [*wrong, *other])
    assert not applies(hold, [*wrong, *other, *other])
    assert not applies(threshold, wrong), "three cases are asked for"
    assert applies(announce, [*other, *other])
    text = '[[recommendation]]\nid = "a"\nteam = "policy"\ntext = "t"\nprecondition = "p"\n'
    with pytest.raises(ValueError, match="stands twice"):
        parse_bank(text * 2, "bank")


def test_what_the_control_did_too_is_not_its_doing() -> None:
    same = measured_effect((200, 1_000), (100, 1_000), (400, 2_000), (200, 2_000))
    assert same is not None
    assert not same.clear
    assert same.low < 1 < same.high
    better = measured_effect((200, 1_000), (100, 1_000), (400, 2_000), (400, 2_000))
    assert better is not None
    assert better.clear
    assert measured_effect((1, 10), (1, 10), (0, 0), (0, 0)) is None


async def test_a_recommendation_goes_its_way() -> None:
    desk = Desk()
    made = {"recommendation_id": "r1", "pattern_id": "p", "advice": "hold", "team": "algorithm", "text": "Hold it"}
    assert await desk.ask("recommend", **made) == (True, "the recommendation is proposed: algorithm")
    assert (await desk.ask("recommend", **made | {"recommendation_id": "r2"}))[1] == "it is recommended already"
    move = "move_recommendation"
    assert (await desk.ask(move, recommendation_id="r1", to="done"))[1] == (
        "one that is proposed cannot be done, only accepted, rejected"
    )
    assert (await desk.ask(move, recommendation_id="r1", to="rejected"))[1] == "say why it is rejected"
    figures = {"factor": 0.5, "low": 0.4, "high": 0.7, "measured_on": "p7 in DE"}
    for to in ("accepted", "done"):
        assert (await desk.ask(move, recommendation_id="r1", to=to))[0]
    stage = desk.local.stage
    stage.responder.restore(*stage.responder.snapshot(full=True))
    assert (await desk.ask(move, recommendation_id="r1", to="measured", **figures))[0]
    row = desk.one("recommendations")
    assert (row["status"], row["factor"], row["measured_on"]) == ("measured", 0.5, "p7 in DE")
    assert row["done_at"] == desk.clock.now_ms()


async def test_a_playbook_says_whether_it_helped() -> None:
    desk = Desk()
    await desk.ask("open_case", case_id="c1", title="By hand")
    link = {"case_id": "c1", "kind": "playbook", "ref": "payouts@2"}
    assert await desk.ask("link", **link) == (True, "playbook payouts@2 is linked")
    assert await desk.ask("link", **link) == (False, "it is linked already")
    assert await desk.ask("link", **link, outcome="solved") == (True, "playbook payouts@2 is linked: solved")
    assert '"outcome":"solved"' in desk.one("cases")["links"]
    assert desk.one("cases")["links"].count("payouts@2") == 1
