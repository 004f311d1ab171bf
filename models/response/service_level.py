"""The clock of a case: what its severity promises, in business time, and who is called when it has run out."""

from __future__ import annotations

from typing import cast

from livewarden.case_state import SETTLED, WAITING
from livewarden.severity import Severity
from models.clocks.calendar import BusinessCalendar
from models.clocks.clock import PromiseClock, clock_from, paused, resumed, started
from models.clocks.duty import ChainStep
from models.response.casefile import TAKEN, CaseFile
from models.response.policy import Policy, Sla

ALWAYS = BusinessCalendar(name="around-the-clock", timezone="UTC")
"""The calendar of a service level that names none."""


def triage_due(case: CaseFile, policy: Policy, now_ms: int) -> None:
    """A new case is to be looked at."""
    sla = _sla(case, policy)
    if sla is not None:
        _keep(case, started(_calendar(sla, policy), sla.triage, now_ms))


def resolve_due(case: CaseFile, policy: Policy, now_ms: int, before: str) -> None:
    """A case has another state: its clock begins, stands still while it waits for others, goes on, or is over.

    It begins when the case came up, or came back, and never because somebody else has it.
    """
    sla = _sla(case, policy)
    case.overdue, case.called = False, 0
    if case.state in SETTLED or sla is None:
        case.due_ms = None
        return
    if case.state not in TAKEN:
        return
    calendar, clock = _calendar(sla, policy), clock_from(case.clock)
    if clock is None or clock.promised_ms != sla.resolve or before in ("candidate", *SETTLED):
        begun = now_ms if case.reopened else case.created_ms
        clock = started(calendar, sla.resolve, begun)
    _keep(case, (paused if case.state == WAITING else resumed)(clock, calendar, now_ms))


def next_step(case: CaseFile, policy: Policy, now_ms: int) -> tuple[ChainStep, str] | None:
    """The step of its chain that an overdue case has come to, and who that is now; None where there is none."""
    sla = _sla(case, policy)
    chain = policy.chain_of(sla.chain) if sla is not None else None
    if sla is None or chain is None or not case.overdue or case.due_ms is None or case.called >= len(chain.steps):
        return None
    step = chain.steps[case.called]
    if _calendar(sla, policy).after(case.due_ms, step.after) > now_ms:
        return None
    duty = policy.duty_of(step.to)
    return step, (duty.at(now_ms) or step.to) if duty is not None else step.to


def calls_left(case: CaseFile, policy: Policy) -> bool:
    """Whether its chain has a step that did not come yet."""
    sla = _sla(case, policy)
    chain = policy.chain_of(sla.chain) if sla is not None else None
    return chain is not None and case.overdue and case.due_ms is not None and case.called < len(chain.steps)


def _sla(case: CaseFile, policy: Policy) -> Sla | None:
    return policy.sla.get(cast(Severity, case.severity))


def _calendar(sla: Sla, policy: Policy) -> BusinessCalendar:
    return policy.calendar_of(sla.calendar) or ALWAYS


def _keep(case: CaseFile, clock: PromiseClock) -> None:
    case.clock, case.due_ms = clock.plain(), clock.due_ms
