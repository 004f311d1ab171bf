"""What to do next, in a sentence: by the verdict of the explanation, or by the kind of alert where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BY_VERDICT: Final[Mapping[str, str]] = {
    "POLICY": "ask the policy team whether the change is meant to do this; hold it back if not",
    "PRODUCT": "ask the team of that release to roll it back",
    "MODEL": "sample ten of its decisions; if they are wrong, roll the model back and reverse them in bulk",
    "REVIEW_OPERATIONS": "ask the review lead what became of the queue: routing, staffing, a stopped feed",
    "INFRASTRUCTURE": "ask delivery to take traffic off the failing part",
    "SELLER_BEHAVIOUR": "let the measures stand; sample ten of them, and tell the risk team of the wave",
    "EXTERNAL": "nothing of ours to roll back: confirm the reason, and silence it with a remark",
    "REPORTING_ARTEFACT": "ask the team of the source to bring it back; what is missing is no fall",
}
BY_KIND: Final[Mapping[str, str]] = {
    "TRAFFIC_ANOMALY": "open a room there yourself: can it be watched, and bought in? Then ask feed and delivery",
    "QUALITY_DEGRADATION": "play a room on that network or client; ask delivery and the client team",
    "ENFORCEMENT_SPIKE": "sample ten of the measures before anything is rolled back: are they right?",
    "ENFORCEMENT_DROP": "see whether the queue or the model still decides",
    "REGIME_CHANGE": "nothing now: confirm that the new level is meant to stay",
    "REPORTING_GAP": "ask the team of the source to bring it back; what is missing is no fall",
    "SOURCE_SILENT": "ask the team of the source to bring it back; what is missing is no fall",
    "OVERTURN_RISE": "draw a sample of these measures and have them looked at again; if wrong, see the blast radius",
    "CARDINALITY": "see which label grew, and take it out of the monitor's group_by",
}


def advice(kind: str, verdict: str, cause: str) -> str:
    """What to do next about an alert of that kind, with that verdict ("" for none), that is notified for that cause.

    >>> advice("TRAFFIC_ANOMALY", "INFRASTRUCTURE", "new")
    'ask delivery to take traffic off the failing part'
    >>> advice("TRAFFIC_ANOMALY", "", "resolved")
    'say on its page whether it was real, and close its case'
    """
    if cause == "resolved":
        return "say on its page whether it was real, and close its case"
    first = "acknowledge it; then " if cause == "escalation" else ""
    known = BY_VERDICT.get(verdict) or BY_KIND.get(kind)
    return first + (known or "look at its page, and acknowledge it if it is yours")
