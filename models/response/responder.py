"""The responder: applies the log of responses in its order. What it says depends on that log alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from livewarden.action import (
    Acknowledge,
    Action,
    AddEntry,
    ExpireSilence,
    Feedback,
    MergePattern,
    MoveRecommendation,
    NamePattern,
    Recommend,
    ResolveIncident,
    Silence,
    SplitPattern,
)
from livewarden.event import AHEAD_MS
from livewarden.times import SECOND_MS, format_ms
from models.monitors.plan import Plan
from models.response.cases import Cases
from models.response.change_set import Audited, ChangeSet, Opinion
from models.response.incident import incident_state
from models.response.incidents import Incidents
from models.response.library import Library
from models.response.message import link_of
from models.response.notification_queue import NotificationQueue
from models.response.policy import Policy
from models.response.rejected import Rejected
from models.response.response_event import (
    ActionRequest,
    AlertUpdated,
    CanaryReached,
    CandidateUpdated,
    Claim,
    Delivery,
    ResponseEvent,
    WatermarkAdvanced,
)
from models.response.silences import Silences

MOST_ANSWERED = 1_000
"""Requests whose ids are remembered, so that one that is sent twice is granted once."""
SWEEP_MS = SECOND_MS
"""What waits for the clock is looked through at most so often."""
STATEFUL = frozenset({"incident", "silence", "case", "feedback", "pattern", "recommendation"})


class Responder:
    """Groups alerts into incidents, decides who is notified and who is not, keeps the outbox, silences and cases,
    grants requests.

    Give it every record of the log once, in order, with the record's own time: `apply`. `changed` then gives what has
    changed since it was last asked, each thing once. A version counts what happened to a thing, not how often it was
    asked for, so it is the same however the log is cut into batches. An alert or candidate that is said again changes
    nothing.
    """

    def __init__(self, plan: Plan, policy: Policy) -> None:
        self._policy = policy
        self._changes = ChangeSet()
        self._queue = NotificationQueue(policy, self._changes)
        self.outbox = self._queue.outbox
        self.silences = Silences(plan.by_name, policy, self._changes, self._queue)
        self.incidents = Incidents(plan.by_name, policy, self._changes, self.silences, self._queue)
        self.cases = Cases(policy, plan.by_name, self._changes)
        self.library = Library(self._changes, self.cases)
        self._feedback: dict[str, int] = {}
        self._answered: dict[str, None] = {}
        self._swept_ms = 0
        self._hasty = False

    @property
    def now_ms(self) -> int:
        """The time of the newest record."""
        return self._changes.now_ms

    def apply(self, news: ResponseEvent, at_ms: int, *, stamped: bool = True) -> None:
        """Take one record; `at_ms`: its time in the log, `stamped` by the broker's clock, else by the clock of who
        wrote it.

        A request that only its console has stamped is filed at that time, and moves the time for nobody else. Time
        never goes back, but for a record that is more than `AHEAD_MS` earlier than the newest: then a clock was ahead,
        and nothing waits for it.
        """
        trusted = stamped or not isinstance(news, ActionRequest)
        if trusted and 0 <= at_ms < self.now_ms - AHEAD_MS:
            self._back(at_ms)
        before_ms = self.now_ms
        self._changes.now_ms = max(before_ms, at_ms)
        if isinstance(news, AlertUpdated):
            self.incidents.alert(news.alert, news.summary)
            self.cases.alert(news.alert)
        elif isinstance(news, CandidateUpdated):
            self.cases.candidate(news)
        elif isinstance(news, WatermarkAdvanced):
            self.cases.judged(news.group, news.watermark_ms)
        elif isinstance(news, ActionRequest):
            self._wish(news.action)
            self._hasty = True
        elif isinstance(news, Claim | Delivery | CanaryReached):
            self._queue.take(news)
        if not trusted and self.now_ms > before_ms:
            self._sooner(self.now_ms, self.now_ms - before_ms)
            self._changes.now_ms = before_ms
        self._sweep()

    @property
    def waits(self) -> bool:
        """Whether the clock alone may change something."""
        return bool(self.outbox.waiting) or self.cases.waits or self.incidents.wait or self.silences.wait

    def changed(self) -> ChangeSet:
        """What changed since last asked."""
        return self._changes.take()

    def _back(self, now_ms: int) -> None:
        """The time was wrong: it is `now_ms`. What was set by the wrong one is set by the right one."""
        self._sooner(now_ms + 1, self.now_ms - now_ms)
        self._changes.now_ms, self._swept_ms = now_ms, min(self._swept_ms, now_ms)

    def _sooner(self, since_ms: int, by_ms: int) -> None:
        """What waits for `since_ms` or later waits so much less."""
        self.incidents.sooner(since_ms, by_ms)
        self.silences.sooner(since_ms, by_ms)
        for each in self.outbox.sooner(since_ms, by_ms):
            self._changes.notification(each)

    def _sweep(self) -> None:
        """Do what the time has come for. A second in which nothing is due costs nothing."""
        if self.now_ms < self._swept_ms + SWEEP_MS and not self._hasty:
            return
        self._swept_ms, self._hasty = self.now_ms, False
        self.incidents.tick()
        self.silences.tick()
        for case in self.cases.tick():
            if case.state == "candidate":
                continue  # nobody has said that it is a case: its list shows it as late, and nobody is called
            link = link_of(self._policy.console_url, "cases", case.case_id)
            title = f"overdue, {case.state}, {case.owner or 'no owner'}: {case.title}"
            self._queue.aside("overdue", f"{case.case_id}/{case.due_ms}", title, case.severity, link)
        for case, who in self.cases.called():
            link = link_of(self._policy.console_url, "cases", case.case_id)
            title = f"{who}: overdue, {case.state}, {case.owner or 'no owner'}: {case.title}"
            self._queue.aside("overdue", f"{case.case_id}/{case.due_ms}/{case.called}", title, case.severity, link)

    def _wish(self, action: Action) -> None:
        if action.action_id in self._answered:
            return
        self._answered[action.action_id] = None
        if len(self._answered) > MOST_ANSWERED:
            del self._answered[next(iter(self._answered))]
        try:
            if action.role not in ("operator", "admin"):
                raise Rejected(f"{action.role}s cannot act")
            accepted, answer = True, self._grant(action)
        except Rejected as error:
            accepted, answer = False, str(error)
        self._changes.audited.append(Audited(action, self.now_ms, accepted, answer))

    def _grant(self, action: Action) -> str:
        if isinstance(action, Acknowledge | ResolveIncident):
            return self.incidents.apply(action)
        if isinstance(action, Feedback):
            return self._opinion(action)
        if isinstance(action, Silence):
            silence = self.silences.add(action)
            self.incidents.look_again()
            count = self.incidents.matching(silence)
            matches = "incident matches" if count == 1 else "incidents match"
            return f"active until {format_ms(silence.ends_ms)}; {count} open {matches}"
        if isinstance(action, ExpireSilence):
            self.silences.expire(action)
            self.incidents.look_again()
            return "the silence is over"
        if isinstance(action, AddEntry | NamePattern | MergePattern | SplitPattern | Recommend | MoveRecommendation):
            return self.library.apply(action)
        return self.cases.apply(action)

    def _opinion(self, action: Feedback) -> str:
        version = self._feedback.get(action.alert_id, 0) + 1
        self._feedback[action.alert_id] = version
        monitor = self.incidents.monitor_of(action.alert_id)
        self._changes.opinion(Opinion(action, monitor, version, self.now_ms))
        return f"feedback recorded: {action.verdict}"

    def snapshot(self, *, full: bool) -> tuple[dict[str, Any], dict[str, str]]:
        """Header and entries: all of them where `full`, else those that changed since the last snapshot; "null" is
        gone.
        """
        header = {
            "now": self.now_ms,
            "swept": self._swept_ms,
            "hasty": self._hasty,
            "answered": list(self._answered),
            "outbox": self.outbox.snapshot(),
            "judged": self.cases.header(),
        }
        names = self._all() if full else self._changes.dirty
        self._changes.dirty = set()
        kept = sorted(each for each in names if each[0] in STATEFUL)
        return header, {f"{kind}\n{name}": json.dumps(self._entry(kind, name)) for kind, name in kept}

    @property
    def kept(self) -> int:
        """How many entries a whole snapshot has."""
        return sum(kind in STATEFUL for kind, _ in self._all())

    def _all(self) -> set[tuple[str, str]]:
        kinds: dict[str, Iterable[str]] = {
            "incident": self.incidents.by_id,
            "silence": self.silences.by_id,
            "case": self.cases.names(),
            "feedback": self._feedback,
            "pattern": self.library.names(),
            "recommendation": self.library.recommendations.by_id,
        }
        return {(kind, name) for kind, names in kinds.items() for name in names}

    def _entry(self, kind: str, name: str) -> Any:
        if kind == "incident":
            incident = self.incidents.by_id.get(name)
            return None if incident is None else incident_state(incident)
        if kind == "silence":
            return self.silences.by_id[name].state()
        if kind == "pattern":
            return asdict(self.library[name])
        if kind == "recommendation":
            return asdict(self.library.recommendations.by_id[name])
        return self.cases[name].state_of() if kind == "case" else self._feedback[name]

    def restore(self, header: Mapping[str, Any], entries: Mapping[str, str]) -> None:
        """Go on from `snapshot`."""
        self._changes.now_ms, self._swept_ms, self._hasty = header["now"], header["swept"], header["hasty"]
        self._answered = dict.fromkeys(header["answered"])
        self.outbox.restore(header["outbox"])
        states: dict[str, dict[str, Any]] = {}
        for key, blob in entries.items():
            kind, _, name = key.partition("\n")
            state = json.loads(blob)
            if state is not None:
                states.setdefault(kind, {})[name] = state
        self.cases.restore(header["judged"], states.get("case", {}))
        self.silences.restore(states.get("silence", {}))
        self._feedback = states.get("feedback", {})
        self.library.restore(states.get("pattern", {}))
        self.library.recommendations.restore(states.get("recommendation", {}))
        self.incidents.restore(states.get("incident", {}).values())
