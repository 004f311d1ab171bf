"""Second looks at the measures of a case's blast radius: the audit keeps them, the case grants them."""

from __future__ import annotations

from livewarden.action import ReviewMeasure
from models.response.casefile import CaseFile
from models.response.rejected import Rejected


def reviewed(case: CaseFile, action: ReviewMeasure) -> str:
    """Take a verdict. Refused once the case is closed: what was reviewed for it is settled then."""
    if case.state == "closed":
        raise Rejected("the case is closed: open it again first")
    return f"{action.measure_id}: {action.verdict.lower()}"
