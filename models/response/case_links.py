"""What a case is tied to."""

from __future__ import annotations

from livewarden.action import Link
from livewarden.times import format_ms
from models.response.casefile import CaseFile
from models.response.rejected import Rejected


def add_link(case: CaseFile, action: Link, now_ms: int) -> str:
    """Tie a case to something once; a playbook that is linked again may say anew whether it helped."""
    known = next((each for each in case.links if (each["kind"], each["ref"]) == (action.kind, action.ref)), None)
    if known is not None and (action.outcome is None or known.get("outcome") == action.outcome):
        raise Rejected("it is linked already")
    link = known if known is not None else {"kind": action.kind, "ref": action.ref}
    link |= {"by": action.who, "at": format_ms(now_ms)}
    if action.outcome is not None:
        link["outcome"] = action.outcome
    if known is None:
        case.links.append(link)
    return f"{action.kind} {action.ref} is linked{f': {action.outcome}' if action.outcome else ''}"
