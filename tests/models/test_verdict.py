"""The verdict: each cause from the facts that show it, and none where they do not suffice."""

from __future__ import annotations

from typing import Any

import pytest

from models.explain.verdict import CHANGE_POINTS, Facts, MatchedChange, evidence, judge


def lined(kind: str, relation: str = "named", timing: Any = "close") -> MatchedChange:
    return MatchedChange(kind, relation, timing, f"{kind} {relation} {timing}")


def facts(**fields: Any) -> Facts:
    return Facts(**({"direction": "UP", "series": {"market": "DE"}, "ledger": True} | fields))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (facts(changes=[lined("POLICY_ROLLOUT")]), "POLICY"),
        (facts(changes=[lined("DEPLOYMENT", "scoped")]), "PRODUCT"),
        (facts(changes=[lined("CAMPAIGN", "scoped")]), "EXTERNAL"),
        (facts(changes=[lined("REPORTING_SCOPE")]), "REPORTING_ARTEFACT"),
        (facts(slice={"model_version": "2"}, share=0.9), "MODEL"),
        (facts(slice={"client_version": "41", "device_class": "TV"}, share=0.9), "PRODUCT"),
        (facts(slice={"shop_id": "s1"}, share=0.97), "SELLER_BEHAVIOUR"),
        (facts(slice={"cdn": "c1"}, share=0.85, quality=True), "INFRASTRUCTURE"),
        (facts(slice={"reviewer_type": "AUTOMATED"}, share=0.9, changes=[lined("MODEL_RELEASE", "scoped")]), "MODEL"),
        (
            facts(series={"queue_id": "q"}, confined={"queue_id": 3}, people_only=True, direction="DOWN"),
            "REVIEW_OPERATIONS",
        ),
        (
            facts(series={"cdn": "c"}, confined={"cdn": 2}, quality=True, searched=["isp", "client_version"]),
            "INFRASTRUCTURE",
        ),
        (facts(direction="MISSING", series={}), "REPORTING_ARTEFACT"),
        (facts(after_gap=True), "REPORTING_ARTEFACT"),
        (facts(alike="both", enforcement=True, observed=9, subjects=9), "SELLER_BEHAVIOUR"),
        (facts(volume=0.9), "EXTERNAL"),
        (facts(), "INSUFFICIENT_EVIDENCE"),
        (facts(changes=[lined("DEPLOYMENT", "open")]), "INSUFFICIENT_EVIDENCE"),
        (facts(changes=[lined("DEPLOYMENT", "named", "after")]), "INSUFFICIENT_EVIDENCE"),
        (facts(slice={"market": ""}, share=1.0), "INSUFFICIENT_EVIDENCE"),
        (facts(changes=[lined("POLICY_ROLLOUT"), lined("MODEL_RELEASE")]), "INSUFFICIENT_EVIDENCE"),  # either fits
        (facts(coarse=True), "INSUFFICIENT_EVIDENCE"),
    ],
)
def test_verdict(known: Facts, expected: str) -> None:
    card = judge(known)
    assert card["verdict"] == expected
    assert (card["strength"] == "none") == (expected == "INSUFFICIENT_EVIDENCE")
    if expected != "INSUFFICIENT_EVIDENCE":
        assert card["for"]


def test_named_change_outweighs_a_scoped_one_which_is_told_against() -> None:
    card = judge(facts(changes=[lined("POLICY_ROLLOUT"), lined("DEPLOYMENT", "scoped")]))
    assert (card["verdict"], card["runner_up"]) == ("POLICY", "PRODUCT")
    assert card["against"] == ["PRODUCT: DEPLOYMENT scoped close"]


def test_many_changes_of_one_kind_count_once() -> None:
    one = judge(facts(changes=[lined("DEPLOYMENT", "open")]))
    many = judge(facts(changes=[lined("DEPLOYMENT", "open")] * 9))
    assert one == many
    assert one["verdict"] == "INSUFFICIENT_EVIDENCE"


def test_rollback_that_ended_it_adds_to_the_release() -> None:
    begun = judge(facts(changes=[lined("MODEL_RELEASE")]))
    ended = judge(facts(changes=[lined("MODEL_RELEASE"), lined("MODEL_RELEASE", "named", "ended")]))
    assert (begun["strength"], ended["strength"]) == ("moderate", "strong")


def test_missing_change_speaks_against_what_changes_bring_about_unless_the_slice_shows_it() -> None:
    against = {each.verdict for each in evidence(facts()) if each.points < 0}
    assert against == {"POLICY", "PRODUCT", "MODEL"}
    shown = {each.verdict for each in evidence(facts(slice={"model_version": "2"}, share=0.9)) if each.points < 0}
    assert shown == {"POLICY", "PRODUCT"}
    missing_topics = evidence(facts(ledger=False))
    assert missing_topics == []


def test_nearer_relations_and_times_are_worth_more() -> None:
    for timing in ("close", "before", "ended"):
        named, scoped, everybody = (CHANGE_POINTS[relation, timing] for relation in ("named", "scoped", "open"))
        assert named >= scoped > everybody >= 0
    for relation in ("named", "scoped", "open"):
        assert (
            CHANGE_POINTS[relation, "close"] > CHANGE_POINTS[relation, "before"] > CHANGE_POINTS[relation, "after"] - 1
        )
        assert CHANGE_POINTS[relation, "after"] <= 0
