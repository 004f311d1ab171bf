"""Case candidates of two runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cli.run_folder import Item
from models.compare.pairs import Pair

_CONFIGURED = {"alert_id", "alert_ids", "episode_id", "case_id", "config_hash", "monitors", "run"}


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A case candidate that one run has alone, or that says something else; `reconfigured`: in ids alone, or in what
    follows from another configuration.
    """

    what: Literal["added", "removed", "changed", "reconfigured"]
    id: str
    monitors: str
    since: str
    title: str
    fields: tuple[str, ...]


def case_changes(a: Sequence[Item], b: Sequence[Item], alerts: Sequence[Pair]) -> list[CaseChange]:
    """What is different, by time.

    A case goes by its id, and where a monitor has another configuration by its alerts: it is the case that holds the
    first of them in the other run.
    """
    ours, theirs = ({case["case_id"]: case for case in cases} for cases in (a, b))
    other: dict[str, str] = {}
    for pair in alerts:
        if pair.a and pair.b and pair.a.case_id and pair.b.case_id:
            other.setdefault(pair.a.case_id, pair.b.case_id)
    changes = []
    for name, old in ours.items():
        partner = theirs.pop(name, None) or theirs.pop(other.get(name, ""), None)
        changes.append(_change(old, partner))
    changes += [_change(None, new) for new in theirs.values()]
    return sorted((each for each in changes if each), key=lambda each: (each.since, each.id))


def _change(old: Item | None, new: Item | None) -> CaseChange | None:
    case = new or old
    assert case is not None
    fields: tuple[str, ...] = ()
    what: Literal["added", "removed", "changed", "reconfigured"] = "removed" if new is None else "added"
    if old is not None and new is not None:
        bare, other = _without_ids(old), _without_ids(new)
        fields = tuple(sorted(name for name in other if bare.get(name) != other[name]))
        if old["case_id"] == new["case_id"] and not fields:
            return None
        what = "changed" if old["case_id"] == new["case_id"] else "reconfigured"
    monitors = ", ".join(case.get("monitors", []))
    return CaseChange(what, case["case_id"], monitors, case.get("started_at", ""), case.get("title", ""), fields)


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(item) for name, item in value.items() if name not in _CONFIGURED}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value
