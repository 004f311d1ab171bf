"""Inhibition: an alert of a wider slice says all that one of a part of it says."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from models.response.incident_alert import IncidentAlert

Wide = dict[tuple[str, frozenset[tuple[str, str]]], IncidentAlert]
"""The first alert by direction and labels."""


def parents(members: Iterable[IncidentAlert]) -> dict[str, IncidentAlert]:
    """By alert id: the alert of the same direction whose series is a true part of its own; the widest, where there are
    several.

    A parent inhibits its children: "market DE" says all that "market DE, CDN 3" says.
    """
    wide: Wide = {}
    listed = sorted(members, key=lambda each: (len(each.labels), each.start_ms, each.alert_id))
    for member in listed:
        if member.labels:
            wide.setdefault((member.direction, member.labels), member)
    return {member.alert_id: parent for member in listed if (parent := _above(wide, member)) is not None}


def _above(wide: Wide, member: IncidentAlert) -> IncidentAlert | None:
    """The alert of the same direction whose labels are the fewest that are a true part of its own."""
    labels = sorted(member.labels)
    parts = (frozenset(part) for size in range(1, len(labels)) for part in combinations(labels, size))
    return next((wide[member.direction, part] for part in parts if (member.direction, part) in wide), None)
