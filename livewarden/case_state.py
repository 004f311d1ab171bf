"""The states of a case, which may follow which, and why one is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

CaseState = Literal["candidate", "triage", "open", "waiting", "escalated", "resolved", "closed", "dismissed", "merged"]
Resolution = Literal[
    "FIXED",
    "ROLLED_BACK",
    "AS_INTENDED",
    "WRONG_ENFORCEMENT",
    "SELLER_BEHAVIOUR",
    "EXTERNAL",
    "EXPECTED_EVENT",
    "REPORTING_ARTEFACT",
    "BELOW_THRESHOLD",
    "FALSE_ALERT",
]
RESOLUTIONS: Mapping[str, str] = {
    "FIXED": "It was real, and what caused it was put right.",
    "ROLLED_BACK": "A change of the platform caused it and was rolled back.",
    "AS_INTENDED": "A change of policy or product meant it to be so, and it stays.",
    "WRONG_ENFORCEMENT": "Enforcement was wrong: the actions were reversed and the merchants notified.",
    "SELLER_BEHAVIOUR": "Sellers behaved differently, and enforcement was right to follow.",
    "EXTERNAL": "The cause lies outside the platform: a network, a partner, the law.",
    "EXPECTED_EVENT": "A planned campaign, holiday or maintenance explains it.",
    "REPORTING_ARTEFACT": "Only the reporting changed: late, repeated or reclassified events.",
    "BELOW_THRESHOLD": "It is real and too small to act on.",
    "FALSE_ALERT": "Nothing was out of the ordinary; the detector was wrong.",
}
"""Why a case is over, each with the sentence that defines it."""
MOVES: Mapping[str, tuple[CaseState, ...]] = {
    "candidate": ("triage", "open", "dismissed"),
    "triage": ("open", "escalated", "dismissed"),
    "open": ("resolved", "escalated", "waiting", "dismissed"),
    "waiting": ("open", "resolved", "escalated"),
    "escalated": ("resolved", "open", "waiting"),
    "resolved": ("closed", "open"),
    "closed": ("open",),
    "dismissed": ("open",),
    "merged": (),
}
"""The states that a case may be given, by the state it has."""
WAITING: CaseState = "waiting"
"""The state in which others have to do something, and its clock stands still."""
CLOSED: tuple[CaseState, ...] = ("closed", "dismissed", "merged")
"""States in which nothing is left to do."""
SETTLED: tuple[CaseState, ...] = ("resolved", *CLOSED)
"""States in which nobody works on it; a resolved one closes when its alerts stay quiet and its tasks are done."""
