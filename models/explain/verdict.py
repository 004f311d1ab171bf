"""The verdict: what kind of cause the facts speak for, with what speaks against it, or that they do not suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

Verdict = Literal[
    "POLICY",
    "PRODUCT",
    "MODEL",
    "REVIEW_OPERATIONS",
    "INFRASTRUCTURE",
    "SELLER_BEHAVIOUR",
    "EXTERNAL",
    "REPORTING_ARTEFACT",
    "INSUFFICIENT_EVIDENCE",
]
Timing = Literal["close", "before", "after", "ended"]
"""When a change came: right before the onset, some hours before, after it; or right before the anomaly ended."""

ENOUGH: Final = 3
"""Points a verdict needs: one strong fact (a change that names the slice, in time), or two that agree."""
LEAD: Final = 1
"""Points that it must be ahead of the next: two causes that equally fit are no verdict."""
STRONG: Final = 5
"""From here on facts of two kinds agree, at least one of them strong."""

CHANGE_POINTS: Final[Mapping[tuple[str, Timing], int]] = {
    ("named", "close"): 4,  # names the slice, minutes before it: the strongest fact there is
    ("scoped", "close"): 3,  # reaches this slice on purpose, minutes before
    ("open", "close"): 1,  # reaches everybody; something is always being released
    ("named", "before"): 2,  # hours before: a rollout in steps, a cache that runs out
    ("scoped", "before"): 1,
    ("open", "before"): 0,
    ("named", "after"): -1,  # what comes after did not cause it; perhaps it answers it
    ("scoped", "after"): -1,
    ("open", "after"): 0,
    ("named", "ended"): 2,  # taken back, and it was over: an experiment, if an unplanned one
    ("scoped", "ended"): 2,
    ("open", "ended"): 0,
}
ALL: Final = 3
"""The slice that carries nearly all of the change is a value of this cause's dimension:
it is there and nowhere else.
"""
CARRIES: Final = 2
"""The same for a slice that carries half; or for a value that says less than an identity (who decided, where from)."""
NEARLY_ALL: Final = 0.8
ALSO: Final = 1
"""A further dimension of that slice, a label of the series itself, an alert beside it with that verdict."""
ABSENT: Final = -1
"""It was looked for and is not there."""
SILENCE: Final = 4
"""Nothing came, not even a heartbeat: that is what a reporting artefact is."""
AFTER_GAP: Final = 3
"""Right after a gap: what piled up, or what is still missing."""
ALIKE: Final = 2
"""People and models decide more alike: neither of them changed, what they look at did."""
FEW: Final = 2
"""Few subjects with many measures each."""
VOLUME: Final = 3
"""The traffic grew as much: as a rate nothing happened."""

CHANGING: Final[tuple[Verdict, ...]] = ("POLICY", "PRODUCT", "MODEL")
"""What seldom goes wrong by itself: without a change in the ledger it is less likely, unless the slice shows it."""

OF_KIND: Final[Mapping[str, Verdict]] = {
    "POLICY_ROLLOUT": "POLICY",
    "RULE_CHANGE": "POLICY",
    "MODEL_RELEASE": "MODEL",
    "THRESHOLD_CHANGE": "MODEL",
    "QUEUE_ROUTING": "REVIEW_OPERATIONS",
    "DEPLOYMENT": "PRODUCT",
    "CONFIG": "PRODUCT",
    "FEATURE_FLAG": "PRODUCT",
    "ROLLBACK": "PRODUCT",
    "CDN_SWITCH": "INFRASTRUCTURE",
    "INCIDENT": "INFRASTRUCTURE",
    "SCHEMA_VERSION": "REPORTING_ARTEFACT",
    "REPORTING_SCOPE": "REPORTING_ARTEFACT",
    "CAMPAIGN": "EXTERNAL",
}
OF_DIMENSION: Final[Mapping[str, Verdict]] = {
    "client_version": "PRODUCT",
    "model_version": "MODEL",
    "policy_version": "POLICY",
    "rule_id": "POLICY",
    "model_id": "MODEL",
    "shop_id": "SELLER_BEHAVIOUR",
    "creator_id": "SELLER_BEHAVIOUR",
    "room_id": "SELLER_BEHAVIOUR",
    "subject_id": "SELLER_BEHAVIOUR",
    "cdn": "INFRASTRUCTURE",
    "isp": "INFRASTRUCTURE",
    "p2p": "INFRASTRUCTURE",
    "bitrate_kbps": "INFRASTRUCTURE",
    "queue_id": "REVIEW_OPERATIONS",
    "device_class": "PRODUCT",
}
"""Whose dimension it is; the most notification first, since a slice of several is read by the first of them."""
OF_VALUE: Final[Mapping[tuple[str, str], Verdict]] = {
    ("reviewer_type", "AUTOMATED"): "MODEL",
    ("reviewer_type", "HUMAN"): "REVIEW_OPERATIONS",
    ("reviewer_type", "HYBRID"): "REVIEW_OPERATIONS",
    ("traffic_source", "PAID_AD"): "EXTERNAL",
    ("traffic_source", "PUSH"): "EXTERNAL",
    ("traffic_source", "EXTERNAL"): "EXTERNAL",
    ("traffic_source", "FOR_YOU"): "PRODUCT",
    ("traffic_source", "FOLLOWING"): "PRODUCT",
    ("traffic_source", "LIVE_TAB"): "PRODUCT",
    ("traffic_source", "SEARCH"): "PRODUCT",
    ("traffic_source", "SHOP_TAB"): "PRODUCT",
}
MODERATION: Final = frozenset({"POLICY_ROLLOUT", "RULE_CHANGE", "MODEL_RELEASE", "THRESHOLD_CHANGE", "QUEUE_ROUTING"})
DELIVERY: Final = frozenset({"CDN_SWITCH", "INCIDENT"})
"""Changes of moderation show in decisions and what follows from them, changes of delivery in traffic. Elsewhere they
count as any change that reaches everybody, unless they name the slice."""

LABELS: Final = ("client_version", "model_version", "model_id", "cdn", "isp", "queue_id", "shop_id", "room_id")
"""Dimensions that say something when a series has them: a policy or a market says nothing about why."""


@dataclass(frozen=True, slots=True)
class MatchedChange:
    """A change lined up with the onset: its kind (of a rollback:
    what it takes back), how it relates, when, in words.
    """

    kind: str
    relation: str
    timing: Timing
    words: str

    @property
    def points(self) -> int:
        """What it is worth."""
        return CHANGE_POINTS[self.relation, self.timing]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an alert when it is explained.

    `slice` carries the `share` of the change; None where none does or none was searched; `searched` are the dimensions
    that were. `ledger`: whether a change ledger is kept at all. `alike`: in words, that deciders of several kinds moved
    alike. `volume`: the part of the change that is more or less exposure; None without one. `confined`: the label that
    the series has to itself, its siblings being normal. `beside`: verdicts of alerts at the same time that share a
    label. `quality`: what is measured is how well LIVE plays.
    """

    direction: str
    series: Mapping[str, str]
    slice: Mapping[str, str] | None = None
    share: float = 0.0
    searched: Sequence[str] = ()
    changes: Sequence[MatchedChange] = ()
    ledger: bool = False
    enforcement: bool = False
    quality: bool = False
    people_only: bool = False
    coarse: bool = False
    alike: str = ""
    observed: float = 0.0
    subjects: int | None = None
    volume: float | None = None
    after_gap: bool = False
    confined: Mapping[str, int] = field(default_factory=dict)
    beside: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact: for which verdict it speaks, how much (below 0: against it), and a sentence."""

    verdict: str
    points: int
    sentence: str


def evidence(facts: Facts) -> list[Evidence]:
    """Every fact that speaks for or against a verdict, in a fixed order.

    Of several changes with one meaning the best counts.
    """
    found: list[Evidence] = []
    found += _of_changes(facts)
    found += _of_slice(facts)
    found += _of_series(facts)
    found += _of_counts(facts)
    found += [Evidence(verdict, ALSO, f"at the same time: {words}") for verdict, words in facts.beside]
    return found


def judge(facts: Facts) -> dict[str, Any]:
    """The verdict card: `verdict`, `strength`, `score`, `for`, `against`, `runner_up`. Additive, with no learned
    weights.

    It does badly where the ledger is not kept, where a change is entered after its effect began (it is late then, and
    nobody sees it), and where two causes meet: that is INSUFFICIENT_EVIDENCE, with what speaks for either.

    >>> rollout = MatchedChange("POLICY_ROLLOUT", "named", "close", "p7 was rolled out")
    >>> card = judge(Facts("UP", {"policy_id": "p7"}, changes=[rollout]))
    >>> card["verdict"], card["strength"], card["for"]
    ('POLICY', 'moderate', ['p7 was rolled out'])
    >>> judge(Facts("UP", {"market": "DE"}))["verdict"]
    'INSUFFICIENT_EVIDENCE'
    """
    found = evidence(facts)
    scores = {verdict: sum(each.points for each in found if each.verdict == verdict) for verdict in get_args(Verdict)}
    order = sorted(scores, key=lambda verdict: -scores[verdict])
    best, second = order[0], order[1]
    if scores[best] < ENOUGH or scores[best] - scores[second] < LEAD:
        leaning = [f"{each.verdict}: {each.sentence}" for each in found if each.points > 0]
        against = [f"{each.verdict}: {each.sentence}" for each in found if each.points < 0]
        return {
            "verdict": "INSUFFICIENT_EVIDENCE",
            "strength": "none",
            "score": max(0, scores[best]),
            "for": leaning,
            "against": against,
            "runner_up": best if scores[best] > 0 else None,
        }
    speaks = [each.sentence for each in found if each.verdict == best and each.points > 0]
    against = [each.sentence for each in found if each.verdict == best and each.points < 0]
    against += [f"{e.verdict}: {e.sentence}" for e in found if e.verdict != best and e.points > 0]
    return {
        "verdict": best,
        "strength": "strong" if scores[best] >= STRONG else "moderate",
        "score": scores[best],
        "for": speaks,
        "against": against,
        "runner_up": second if scores[second] > 0 else None,
    }


def _of_changes(facts: Facts) -> list[Evidence]:
    found: list[Evidence] = []
    for ended in (False, True):
        best: dict[str, MatchedChange] = {}
        for change in facts.changes:
            verdict = OF_KIND.get(change.kind)
            if verdict is None or (change.timing == "ended") != ended or change.points == 0:
                continue
            if verdict not in best or change.points > best[verdict].points:
                best[verdict] = change
        found += [Evidence(verdict, change.points, change.words) for verdict, change in sorted(best.items())]
    if facts.ledger and facts.direction != "MISSING" and not any(each.points > 0 for each in facts.changes):
        sentence = "no change in the ledger reaches it in time"
        seen = {OF_DIMENSION.get(name) for name in facts.slice or ()}
        found += [Evidence(verdict, ABSENT, sentence) for verdict in CHANGING if verdict not in seen]
    return found


def _of_slice(facts: Facts) -> list[Evidence]:
    notification = {name: OF_DIMENSION[name] for name in facts.searched if name in OF_DIMENSION}
    if facts.slice is None:
        own = {OF_DIMENSION[name] for name in LABELS if facts.series.get(name)}
        missed: dict[Verdict, list[str]] = {}
        for name, verdict in notification.items():
            missed.setdefault(verdict, []).append(name.replace("_", " "))
        return [
            Evidence(verdict, ABSENT, f"no {' or '.join(names)} stands out")
            for verdict, names in missed.items()
            if verdict not in own
        ]
    ranks = list(OF_DIMENSION)
    found: list[Evidence] = []
    values = sorted(facts.slice.items(), key=lambda item: ranks.index(item[0]) if item[0] in ranks else len(ranks))
    for name, value in values:
        whose = OF_DIMENSION.get(name) or OF_VALUE.get((name, value))
        if whose is None or not value:
            continue
        points = ALSO
        if not found and facts.share >= 0.5:
            points = ALL if facts.share >= NEARLY_ALL and name in OF_DIMENSION else CARRIES
        found.append(Evidence(whose, points, f"{name}={value} carries {facts.share:.0%} of it"))
    return found


def _of_series(facts: Facts) -> list[Evidence]:
    found: list[Evidence] = []
    if facts.direction == "MISSING":
        found.append(Evidence("REPORTING_ARTEFACT", SILENCE, "nothing came, and no heartbeat either"))
    elif facts.after_gap:
        found.append(Evidence("REPORTING_ARTEFACT", AFTER_GAP, "it begins right after a gap of the source"))
    if facts.coarse and facts.direction != "MISSING":
        sentence = "filed by the hour or day: the time may be that of filing"
        found.append(Evidence("REPORTING_ARTEFACT", ALSO, sentence))
    for name in LABELS:
        if facts.series.get(name):
            found.append(Evidence(OF_DIMENSION[name], ALSO, f"it is {name}={facts.series[name]} that deviates"))
    for name, siblings in facts.confined.items():
        if name in LABELS:
            sentence = f"{siblings} other values of {name} are as usual"
            found.append(Evidence(OF_DIMENSION[name], ALSO, sentence))
    if facts.people_only:
        found.append(Evidence("REVIEW_OPERATIONS", ALSO, "only decisions of people are counted here"))
    if facts.quality and facts.slice is None and facts.searched:
        found.append(Evidence("INFRASTRUCTURE", ALSO, "playback is worse for all of " + ", ".join(facts.searched)))
    return found


def _of_counts(facts: Facts) -> list[Evidence]:
    found: list[Evidence] = []
    if facts.alike:
        found.append(Evidence("SELLER_BEHAVIOUR", ALIKE, facts.alike))
        if facts.ledger and not any(each.points > 0 for each in facts.changes):
            found.append(Evidence("SELLER_BEHAVIOUR", ALSO, "the platform changed nothing that reaches it"))
        found.append(Evidence("MODEL", ABSENT, facts.alike))
    if facts.enforcement and facts.direction == "UP" and facts.subjects and facts.observed:
        each = facts.observed / facts.subjects
        if each >= 4:
            sentence = f"{facts.subjects:,} subjects with {each:.0f} measures each"
            found.append(Evidence("SELLER_BEHAVIOUR", FEW, sentence))
        elif facts.alike and facts.subjects >= 5:
            sentence = f"{facts.subjects:,} different subjects, no single one behind it"
            found.append(Evidence("SELLER_BEHAVIOUR", ALSO, sentence))
    if facts.volume is not None:
        if facts.volume >= 0.7:
            sentence = f"{facts.volume:.0%} of it is more or less traffic, not another rate"
            found.append(Evidence("EXTERNAL", VOLUME, sentence))
        elif facts.volume <= 0.3:
            found.append(Evidence("EXTERNAL", ABSENT, f"only {max(0.0, facts.volume):.0%} of it is traffic"))
    return found
