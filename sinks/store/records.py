"""Rows as they are read back: one frozen model a table, with the names that its columns have.

Instants are milliseconds since the epoch, UTC, and RFC 3339 text once a record is dumped; what is stored as JSON is
its text, and what it stands for once dumped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, PlainSerializer

from livewarden.times import format_ms
from sinks.store.tables import table


def _stands_for(stored: str) -> Any:
    try:
        return json.loads(stored) if stored else None
    except (ValueError, RecursionError):
        return stored


Moment = Annotated[int, PlainSerializer(format_ms, return_type=str)]
"""An instant, in ms."""
Number = int | float | None
"""A number; whole ones are integers."""
Stored = Annotated[str, PlainSerializer(_stands_for)]
"""JSON, as text."""


class TableRow(BaseModel):
    """One row, or the columns of it that a query asks for. `TABLE` is where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    TABLE: ClassVar[str]

    @classmethod
    def columns(cls) -> str:
        """Its columns, for a SELECT.

        >>> FeedbackRecord.columns()
        '`alert_id`, `version`, `monitor`, `verdict`, `cause`, `why`, `who`, `at`'
        """
        return ", ".join(f"`{name}`" for name in table(cls.TABLE).columns if name in cls.model_fields)

    def plain(self) -> dict[str, Any]:
        """It as JSON-ready values, for people who take JSON."""
        return self.model_dump()


class AlertRecord(TableRow):
    """An alert in its newest version, without its explanation."""

    TABLE = "alerts"
    run: str = "live"
    alert_id: str
    version: int
    episode_id: str
    monitor: str
    kind: str
    direction: str
    series: Mapping[str, str]
    window_start: Moment
    window_end: Moment
    observed: Number
    expected: Number
    score: Number
    scan_buckets: int = 1
    scan_observed: Number = None
    scan_expected: Number = None
    subjects: int | None = None
    severity: str
    status: str
    ends_at: Moment | None
    suppressed_by: str | None
    case_id: str | None
    config_hash: str


class ExplainedAlert(AlertRecord):
    """An alert with its explanation, as JSON; `stored_at`: when it was written, in whole seconds."""

    explanation: Stored | None
    stored_at: Moment


class IncidentRecord(TableRow):
    """An incident in its newest version."""

    TABLE = "incidents"
    incident_id: str
    version: int
    status: str
    title: str
    severity: str
    lead_alert_id: str
    alert_count: int
    firing_count: int
    monitors: list[str]
    case_ids: list[str]
    change_id: str | None
    owner: str
    started_at: Moment
    ended_at: Moment | None
    opened_at: Moment
    notified_at: Moment | None
    notified: int
    acknowledged_by: str | None
    acknowledged_at: Moment | None
    resolved_at: Moment | None
    resolved_by: str | None
    note: str


class DispositionRecord(TableRow):
    """What became of an alert: its incident, the outcome, what kept it back and why."""

    TABLE = "dispositions"
    alert_id: str
    version: int
    incident_id: str
    monitor: str
    severity: str
    outcome: str
    by: str
    reason: str
    at: Moment


class FeedbackRecord(TableRow):
    """What somebody said that an alert was worth."""

    TABLE = "feedback"
    alert_id: str
    version: int
    monitor: str
    verdict: str
    cause: str
    why: str
    who: str
    at: Moment


class SilenceRecord(TableRow):
    """A silence, maintenance window or campaign in its newest version."""

    TABLE = "silences"
    silence_id: str
    version: int
    kind: str
    effect: str
    matchers: list[str]
    owner: str
    reason: str
    created_by: str
    created_at: Moment
    starts_at: Moment
    ends_at: Moment
    ended_by: str | None
    reminded: int
    hits: int


class NotificationRecord(TableRow):
    """A notification, and how far it came."""

    TABLE = "notifications"
    notification_id: str
    version: int
    incident_id: str
    number: int
    cause: str
    route: str
    channel: str
    state: str
    attempts: int
    error: str
    title: str
    body: str
    created_at: Moment
    due_at: Moment
    sent_at: Moment | None


class ChannelRecord(TableRow):
    """A channel, and whether it takes anything."""

    TABLE = "channels"
    channel: str
    version: int
    state: str
    since: Moment
    failures: int
    error: str


class CaseRecord(TableRow):
    """A case that people work on, in its newest version, whole; `tasks`, `links`, `evidence` (packages)
    and `clock` as JSON."""

    TABLE = "cases"
    case_id: str
    version: int
    title: str
    state: str
    kind: str
    severity: str
    owner: str | None
    escalated_to: str | None
    due_at: Moment | None
    overdue: int
    resolution: str
    reason: str
    merged_into: str | None
    reopened: int
    alert_ids: list[str]
    firing_count: int
    monitors: list[str]
    open_tasks: int
    tasks: Stored
    links: Stored
    evidence: Stored
    started_at: Moment
    ended_at: Moment | None
    created_at: Moment
    opened_at: Moment | None
    resolved_at: Moment | None
    closed_at: Moment | None
    clock: Stored = ""
    template: str = ""


class HistoryRecord(TableRow):
    """One thing that happened to a case; `details` as JSON."""

    TABLE = "case_history"
    case_id: str
    number: int
    at: Moment
    who: str
    what: str
    from_state: str
    to_state: str
    why: str
    details: Stored
    action_id: str


class ActionRecord(TableRow):
    """What somebody asked for, and what became of it; `data` is the action as JSON."""

    TABLE = "actions"
    action_id: str
    at: Moment
    asked_at: Moment
    who: str
    role: str
    do: str
    target: str
    outcome: str
    answer: str
    data: Stored
