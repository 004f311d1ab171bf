"""What happened around a case, in one order: alerts, their ends, changes of the platform, and what people did."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sinks.present import wording

Rows = Sequence[Mapping[str, Any]]


class Entry(NamedTuple):
    """One line. `clock` is `event` (the time of what happened) or `wall` (when it was done or decided here)."""

    at: str
    clock: str
    what: str
    who: str
    text: str
    ref: str


def timeline(
    *, alerts: Rows = (), changes: Rows = (), history: Rows = (), incidents: Rows = (), notifications: Rows = ()
) -> list[Entry]:
    """The entries in the order of their times; of equal times a change comes first, then an alert, its end, and people.

    Instants are RFC 3339 texts in UTC, as they stand in the files of a package; here all with milliseconds. In a replay
    the two clocks are far apart.
    """
    entries = [
        Entry(each["at"], "event", "change", each["owner_team"], change_in_words(each), each["change_id"])
        for each in changes
    ]
    entries += [Entry(each["window_start"], "event", "alert", "", _alert(each), each["alert_id"]) for each in alerts]
    entries += [
        Entry(each["ends_at"], "event", "alert_over", "", _alert(each), each["alert_id"])
        for each in alerts
        if each["ends_at"]
    ]
    for each in incidents:
        one = each["incident_id"]
        entries.append(Entry(each["opened_at"], "wall", "incident", "", each["title"], one))
        if each["acknowledged_at"]:
            entries.append(
                Entry(
                    each["acknowledged_at"], "wall", "acknowledged", each["acknowledged_by"] or "", each["title"], one
                )
            )
        if each["resolved_at"]:
            by = each["resolved_by"] or "livewarden"
            entries.append(Entry(each["resolved_at"], "wall", "incident_over", by, each["title"], one))
    entries += [
        Entry(each["sent_at"], "wall", "notified", each["channel"], each["title"], each["notification_id"])
        for each in notifications
        if each["sent_at"]
    ]
    entries += [
        Entry(each["at"], "wall", f"case_{each['what']}", each["who"], _step(each), each["action_id"])
        for each in history
    ]
    order = {"change": 0, "alert": 1, "alert_over": 2}
    entries = [entry._replace(at=_sortable(entry.at)) for entry in entries]
    return sorted(entries, key=lambda entry: (entry.at, order.get(entry.what, 3)))


def change_in_words(row: Mapping[str, Any]) -> str:
    """A row of changes.csv on one line.

    >>> row = {"kind": "MODEL_RELEASE", "phase": "COMPLETED", "target": "m1", "from_version": "1", "to_version": "2"}
    >>> change_in_words(row)
    'model release completed m1 1 → 2'
    """
    versions = " → ".join(text for text in (row["from_version"], row["to_version"]) if text)
    parts = (wording.kind(row["kind"]), wording.kind(row["phase"]), row["target"], versions)
    return " ".join(part for part in parts if part)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table as CSV (RFC 4180), UTF-8, with a header.

    >>> as_csv(["a", "b"], [[1, "x, y"]]).decode().split()
    ['a,b', '1,"x,', 'y"']
    """
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(columns)
    writer.writerows(rows)
    return target.getvalue().encode("utf-8", "replace")


def _sortable(at: str) -> str:
    return at if "." in at else at.replace("Z", ".000Z")


def _alert(row: Mapping[str, Any]) -> str:
    return f"{row['monitor']}, {wording.place(row['series'])}: {wording.kind(row['kind'])}, {row['severity']}"


def _step(row: Mapping[str, Any]) -> str:
    moved = f"{row['from_state']} → {row['to_state']}" if row["from_state"] != row["to_state"] else ""
    return ": ".join(part for part in (moved, row["why"]) if part)
