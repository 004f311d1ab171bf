"""All cases, and what alerts, the clock and people do to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from livewarden.action import (
    AddEvidence,
    AddTask,
    AssignCase,
    FinishTask,
    Link,
    MergeCase,
    MoveCase,
    Note,
    OnCase,
    OpenCase,
    ReviewMeasure,
    UseTemplate,
)
from livewarden.alert import Alert
from livewarden.case_state import MOVES, SETTLED, WAITING, Resolution
from livewarden.times import format_ms, to_ms
from livewarden.wording import duration
from models.monitors.monitor import Monitor
from models.response.case_links import add_link
from models.response.case_reviews import reviewed
from models.response.case_tasks import add_task, finish_task
from models.response.casefile import LIVEWARDEN, TAKEN, CaseAlert, CaseFile, case_from, gate
from models.response.change_set import ChangeSet
from models.response.policy import Policy
from models.response.rejected import Rejected
from models.response.response_event import CandidateUpdated
from models.response.service_level import calls_left, next_step, resolve_due, triage_due
from models.response.template import CaseTemplate, apply_template

MOST_ALERTS = 10_000
"""Alerts that a case keeps apart; of a larger one the first so many."""


class Cases:
    """Cases by id. Every change is a line of history and the case's next version.

    Candidates come from detection. A new one whose monitor and series are those of a case that was resolved or closed
    not longer than `reopen_within` ago is that case, come back: the old one is open again and takes the alerts over.
    """

    def __init__(self, policy: Policy, monitors: Mapping[str, Monitor], changes: ChangeSet) -> None:
        self._policy = policy
        self._changes = changes
        self._monitors = monitors
        self._files: dict[str, CaseFile] = {}
        self._by_fingerprint: dict[str, set[str]] = {}
        self._by_alert: dict[str, set[str]] = {}
        self._judged_ms: dict[str, int] = {}

    def __getitem__(self, case_id: str) -> CaseFile:
        return self._files[case_id]

    @property
    def _now_ms(self) -> int:
        return self._changes.now_ms

    def __contains__(self, case_id: str) -> bool:
        return case_id in self._files

    def names(self) -> list[str]:
        """The ids of all cases."""
        return list(self._files)

    def judged(self, group: str, watermark_ms: int) -> None:
        """Everything of a group of monitors is judged up to there."""
        self._judged_ms[group] = max(watermark_ms, self._judged_ms.get(group, 0))

    def alert(self, alert: Alert) -> None:
        """An alert of a case, in a new version."""
        if alert.case_id is None or alert.suppressed_by is not None:
            return
        case = self._files.get(alert.case_id) or self._begin(alert)
        while case.merged_into is not None:
            case = self._files[case.merged_into]
        for case_id in sorted({case.case_id, *self._by_alert.get(alert.alert_id, ())}):
            if self._files[case_id].merged_into is None:
                self._file(self._files[case_id], alert)

    def _file(self, case: CaseFile, alert: Alert) -> None:
        known = case.alerts.get(alert.alert_id)
        if known is None and len(case.alerts) >= MOST_ALERTS:
            return
        until = alert.ends_at_ms if alert.ends_at_ms is not None else alert.window_end_ms
        filed = CaseAlert(alert.monitor, alert.status == "firing", until, alert.version)
        if known is not None and known.version >= filed.version:
            return
        self._keep(case, alert.alert_id, filed)
        if known is None:
            self._remember(case, alert)
            if case.state in ("resolved", "closed") and filed.firing:
                self._reopen(case, alert)
        if known is not None and known.firing and case.over:
            self._write(case, LIVEWARDEN, "ended", "none of its alerts fires any more")
        else:
            self._touch(case)

    def _keep(self, case: CaseFile, alert_id: str, filed: CaseAlert) -> None:
        case.alerts[alert_id] = filed
        self._by_alert.setdefault(alert_id, set()).add(case.case_id)

    def candidate(self, news: CandidateUpdated) -> None:
        """A candidate in a new version: its title and severity are of the worst that is known now."""
        case = self._files.get(news.case_id)
        if case is None:
            case = self._new(CaseFile(news.case_id, self._now_ms, news.started_ms), news.severity, news.title)
        notified = (news.title, news.kind, news.severity)
        if case.merged_into is None and (case.title, case.kind, case.severity) != notified:
            case.title, case.kind, case.severity = notified
            self._touch(case)

    def apply(self, action: OpenCase | OnCase) -> str:
        """Do what a person wants; says what was done. Refused where it may not be."""
        if isinstance(action, OpenCase):
            return self._open_by_hand(action)
        case = self._files.get(action.case_id)
        if case is None:
            raise Rejected("there is no such case")
        if action.expects is not None and action.expects < case.settled:
            raise Rejected(f"the case has changed: it is at version {case.version}, you saw {action.expects}")
        if case.state == "merged" and not isinstance(action, Note | Link):
            raise Rejected(f"the case was merged into {case.merged_into}")
        done: dict[type, Callable[..., str]] = {
            MoveCase: self._move,
            AssignCase: self._assign,
            Note: self._note,
            AddTask: self._add_task,
            FinishTask: self._finish_task,
            UseTemplate: self._use_template,
            Link: self._link,
            AddEvidence: self._add_evidence,
            MergeCase: self._merge,
            ReviewMeasure: reviewed,
        }
        return done[type(action)](case, action)

    def tick(self) -> list[CaseFile]:
        """The cases whose due date has just passed."""
        late = [
            case
            for case in self._files.values()
            if case.due_ms is not None and not case.overdue and case.due_ms <= self._now_ms
        ]
        for case in late:
            case.overdue = True
            due = format_ms(cast(int, case.due_ms))
            self._write(case, LIVEWARDEN, "overdue", f"it was due at {due} as {case.state}")
        return late

    def called(self) -> list[tuple[CaseFile, str]]:
        """The overdue cases whose escalation chain has come to its next step, and to whom."""
        found = []
        for case in self._files.values():
            reached = next_step(case, self._policy, self._now_ms) if case.overdue else None
            if reached is not None:
                case.called += 1
                case.escalated_to = reached[1]
                why = f"step {case.called} of its chain, {duration(reached[0].after)} after it was due"
                self._write(case, LIVEWARDEN, "called", why, to_whom=reached[1])
                found.append((case, reached[1]))
        return found

    @property
    def waits(self) -> bool:
        """Whether the clock may change one."""
        cases = self._files.values()
        return any((each.due_ms is not None and not each.overdue) or calls_left(each, self._policy) for each in cases)

    def _begin(self, alert: Alert) -> CaseFile:
        assert alert.case_id is not None
        case = self._new(CaseFile(alert.case_id, self._now_ms, alert.window_start_ms), alert.severity, alert.monitor)
        case.kind = alert.kind
        back = self._back(_fingerprint(alert))
        if back is not None:
            before = case.state
            case.state, case.merged_into, case.due_ms = "merged", back.case_id, None
            why = f"it is case {back.case_id}, come back"
            self._write(case, LIVEWARDEN, "merged", why, before=before, into=back.case_id)
        return case

    def _new(self, case: CaseFile, severity: str, title: str) -> CaseFile:
        case.severity, case.title = severity, title
        triage_due(case, self._policy, self._now_ms)
        self._files[case.case_id] = case
        self._write(case, LIVEWARDEN, "created", "alerts that belong together")
        return case

    def _back(self, fingerprint: str) -> CaseFile | None:
        """The case that was over last, and not too long ago, of those that had such an alert."""
        found = []
        for case_id in self._by_fingerprint.get(fingerprint, ()):
            case = self._files[case_id]
            ended = {"closed": case.closed_ms, "resolved": case.resolved_ms}.get(case.state)
            if ended is not None and self._now_ms - ended <= self._policy.reopen_within:
                found.append((ended, case_id))
        return self._files[max(found)[1]] if found else None

    def _reopen(self, case: CaseFile, alert: Alert) -> None:
        before, case.state = case.state, "open"
        case.begin_again()
        self._set_due(case, before)
        why = f"it came back: {alert.monitor} at {format_ms(alert.window_start_ms)}"
        self._write(case, LIVEWARDEN, "recurred", why, before=before, alert_id=alert.alert_id)

    def _remember(self, case: CaseFile, alert: Alert) -> None:
        fingerprint = _fingerprint(alert)
        known = self._by_fingerprint.setdefault(fingerprint, set())
        if case.case_id not in known:
            known.add(case.case_id)
            case.fingerprints.append(fingerprint)

    def _open_by_hand(self, action: OpenCase) -> str:
        if action.case_id in self._files:
            raise Rejected("there is a case of that id")
        now = self._now_ms
        case = CaseFile(action.case_id, now, now, action.title, "MANUAL", action.severity, "open", opened_ms=now)
        case.owner = action.who
        template = None if action.template is None else self._template(action.template)
        for alert_id in action.alert_ids:
            self._take(case, alert_id, action.who)
        self._files[case.case_id] = case
        self._set_due(case)
        self._write(case, action.who, "created", action.why or "opened by hand", action_id=action.action_id)
        if template is not None:
            self._fill(case, template, action)
        return "the case is open"

    def _use_template(self, case: CaseFile, action: UseTemplate) -> str:
        if case.state == "closed":
            raise Rejected("the case is closed: open it again first")
        return self._fill(case, self._template(action.template), action)

    def _fill(self, case: CaseFile, template: CaseTemplate, action: Any) -> str:
        new = apply_template(case, template)
        self._by(case, action, "template_used", template=template.name, tasks=new)
        return f"{new} things of {template.name} are to be done"

    def _template(self, name: str) -> CaseTemplate:
        found = self._policy.template_of(name)
        if found is None:
            known = ", ".join(each.name for each in self._policy.templates) or "none"
            raise Rejected(f"there is no template {name}, only {known}")
        return found

    def _take(self, case: CaseFile, alert_id: str, who: str) -> None:
        """Put an alert of another case into one that was opened by hand, too; one that no case knows is a link."""
        homes = self._by_alert.get(alert_id)
        if not homes:
            case.links.append({"kind": "alert", "ref": alert_id, "by": who, "at": format_ms(self._now_ms)})
            return
        home = self._files[min(homes)]
        self._keep(case, alert_id, replace(home.alerts[alert_id]))
        case.started_ms = min(case.started_ms, home.started_ms)

    def _move(self, case: CaseFile, action: MoveCase) -> str:
        if action.to not in MOVES[case.state]:
            able = ", ".join(MOVES[case.state]) or "nothing"
            raise Rejected(f"a case that is {case.state} cannot be {action.to}, only {able}")
        if action.to in ("resolved", "dismissed") and action.resolution is None:
            raise Rejected(f"say why it is {action.to}: a resolution is missing")
        if action.to == WAITING and not action.why:
            raise Rejected("say what it waits for")
        if action.to == "escalated" and action.to_whom is None:
            raise Rejected("say to whom it is escalated")
        details: dict[str, Any] = {}
        if action.to == "closed":
            problems = gate(case, self._normal_until(case), self._windows(case))
            if problems and not (action.force and action.role == "admin"):
                raise Rejected(f"it cannot be closed yet: {'; '.join(problems)}")
            details = {"in_spite_of": problems} if problems else {}
        before = case.state
        case.state = action.to
        if action.to in TAKEN:
            case.opened_ms = case.opened_ms or self._now_ms
            case.owner = case.owner or action.who
        reopens = before in SETTLED and action.to == "open"
        if reopens:
            case.begin_again()
        if action.to == "escalated":
            case.escalated_to = action.to_whom
            details["to_whom"] = action.to_whom
        if action.to in ("resolved", "dismissed"):
            case.resolved_ms, case.reason = self._now_ms, action.why
            case.resolution = cast(Resolution, action.resolution)
            details["resolution"] = action.resolution
        if action.to == "closed":
            case.closed_ms = self._now_ms
        self._set_due(case, before)
        what = "reopened" if reopens else "moved"
        self._write(case, action.who, what, action.why, before=before, action_id=action.action_id, **details)
        return f"the case is {action.to}"

    def _assign(self, case: CaseFile, action: AssignCase) -> str:
        if action.owner is None and action.due_at is None:
            raise Rejected("say who owns it, or when it is due")
        if action.owner is not None:
            case.owner = action.owner
        if action.due_at is not None:
            case.due_ms, case.overdue = to_ms(action.due_at), False
        due = None if case.due_ms is None else format_ms(case.due_ms)
        self._by(case, action, "assigned", owner=case.owner, due_at=due)
        return f"the case is {case.owner or 'nobody'}'s{f', due at {due}' if due else ''}"

    def _note(self, case: CaseFile, action: Note) -> str:
        self._by(case, action, "noted")
        return "it is noted"

    def _add_task(self, case: CaseFile, action: AddTask) -> str:
        add_task(case, action)
        self._by(case, action, "task_added", task_id=action.task_id, text=action.text, owner=action.owner)
        return "the task is added"

    def _finish_task(self, case: CaseFile, action: FinishTask) -> str:
        task = finish_task(case, action, self._now_ms)
        what = "task_unnecessary" if task.unnecessary else "task_done"
        self._by(case, action, what, task_id=task.task_id, text=task.text)
        return "the task is not necessary" if task.unnecessary else "the task is done"

    def _link(self, case: CaseFile, action: Link) -> str:
        said = add_link(case, action, self._now_ms)
        outcome = {} if action.outcome is None else {"outcome": action.outcome}
        self._by(case, action, "linked", kind=action.kind, ref=action.ref, **outcome)
        return said

    def _add_evidence(self, case: CaseFile, action: AddEvidence) -> str:
        package: dict[str, Any] = {"name": action.name, "digest": action.digest, "size": action.size}
        case.evidence.append(package | {"by": action.who, "at": format_ms(self._now_ms)})
        self._by(case, action, "evidence_added", **package)
        return f"evidence {action.digest[:12]}… is noted"

    def _merge(self, case: CaseFile, action: MergeCase) -> str:
        into = self._files.get(action.into)
        if into is None or into is case:
            raise Rejected("there is no other case of that id to merge into")
        if case.state == "closed" or into.state in ("closed", "merged"):
            raise Rejected("a closed or merged case takes no part in a merge: open it again first")
        before = case.state
        case.state, case.merged_into, case.reason, case.due_ms = "merged", into.case_id, action.why, None
        for alert_id, filed in case.alerts.items():
            if alert_id not in into.alerts:
                self._keep(into, alert_id, replace(filed))
        into.started_ms = min(into.started_ms, case.started_ms)
        for fingerprint in case.fingerprints:
            self._by_fingerprint.setdefault(fingerprint, set()).add(into.case_id)
            if fingerprint not in into.fingerprints:
                into.fingerprints.append(fingerprint)
        self._by(case, action, "merged", before=before, into=into.case_id)
        self._write(into, action.who, "merged", action.why, action_id=action.action_id, took=case.case_id)
        return f"the case is part of {into.case_id}"

    def _set_due(self, case: CaseFile, before: str = "") -> None:
        resolve_due(case, self._policy, self._now_ms, before)

    def _normal_until(self, case: CaseFile) -> dict[str, int]:
        return {
            name: self._judged_ms.get(self._monitors[name].group_name, 0)
            for name in case.monitors
            if name in self._monitors
        }

    def _windows(self, case: CaseFile) -> dict[str, int]:
        count = self._policy.closure_windows
        return {name: count * self._monitors[name].bucket for name in case.monitors if name in self._monitors}

    def _by(self, case: CaseFile, action: Any, what: str, *, before: str | None = None, **details: Any) -> None:
        self._write(case, action.who, what, action.why, before=before, action_id=action.action_id, **details)

    def _write(self, case: CaseFile, who: str, what: str, why: str, **details: Any) -> None:
        self._changes.history.append(case.write(self._now_ms, who, what, why, **details))
        self._changes.case(case)

    def _touch(self, case: CaseFile) -> None:
        case.version += 1
        self._changes.case(case)

    def header(self) -> dict[str, int]:
        """What is kept besides the cases."""
        return dict(self._judged_ms)

    def restore(self, header: Mapping[str, int], states: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from `header` and the states of all cases."""
        self._judged_ms = dict(header)
        self._files = {name: case_from(state) for name, state in states.items()}
        for case in self._files.values():
            for fingerprint in case.fingerprints:
                self._by_fingerprint.setdefault(fingerprint, set()).add(case.case_id)
            for alert_id in case.alerts:
                self._by_alert.setdefault(alert_id, set()).add(case.case_id)


def _fingerprint(alert: Alert) -> str:
    return json.dumps([alert.monitor, alert.direction, dict(sorted(alert.series.items()))])
