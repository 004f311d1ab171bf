"""What people do, as routes: each takes a form, sends one action on its way,
and leads back to where its answer is shown.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from console import forms
from console.casework import items
from console.context import context
from console.csrf import foreign
from console.forms import BadForm
from console.identity import Visitor, visitor
from console.parameters import ANSWER
from livewarden.action import (
    Acknowledge,
    Action,
    AddEntry,
    AddEvidence,
    AddTask,
    Answer,
    AssignCase,
    ExpireSilence,
    Feedback,
    FinishTask,
    Link,
    MergeCase,
    MergePattern,
    MoveCase,
    MoveRecommendation,
    NamePattern,
    Note,
    OpenCase,
    Recommend,
    ResolveIncident,
    ReviewMeasure,
    Silence,
    SplitPattern,
    UseTemplate,
)
from livewarden.errors import RetryLater, SetupError
from livewarden.ids import stable_id
from livewarden.times import format_ms
from sinks.queries import alerts, cases, incidents, recommendations, silences
from sinks.queries import ids as ids_of
from sinks.store.reader import Reader

CSRF = "csrf"
"""The form's field with the token."""
Look = Callable[[Reader, Mapping[str, str]], Awaitable[bool]]


@dataclass(frozen=True)
class FormAction:
    """One thing that a form does: where it is sent, what it becomes, and where to go then.

    `there` says whether what the address names exists. `new` is the field that gets an id of its own, derived from the
    form, so that a form that is sent twice does one thing. `back` is filled with the address and with the new id, once
    it is accepted.
    """

    path: str
    make: type[Any]
    back: str
    there: Look | None = None
    new: str = ""
    refused: str = ""

    @property
    def named(self) -> set[str]:
        """The fields that the address names, or that get an id of their own."""
        return {*re.findall(r"{(\w+)}", self.path), self.new}

    def route(self) -> Route:
        """The route that does it."""
        return Route(self.path, self._act, methods=["POST"])

    async def _act(self, request: Request) -> Response:
        who, form, csrf = await admitted(request)
        at, named = context(request), dict(request.path_params)
        if self.there is not None and not await self.there(at.reader, named):
            raise HTTPException(404, "there is nothing of that id")
        action_id = stable_id("console", who.name, csrf, request.url.path, *sorted(form.items()))
        made = {self.new: stable_id(self.new, action_id)} if self.new else {}
        action = forms.parse(self.make, form, named | made | signed(request, who, action_id))
        if isinstance(action, MoveCase) and action.force and who.role != "admin":
            raise HTTPException(403, "only an admin may set the closure gate aside")
        answer = await send(request, action)
        held = self.back if not self.refused or (answer is not None and answer.accepted) else self.refused
        return shown_at(held, named | made, action_id)


def signed(request: Request, who: Visitor, action_id: str) -> dict[str, Any]:
    """What every action says of who asks for it, and when."""
    now = forms.instant("at", format_ms(context(request).clock.now_ms()))
    return {"action_id": action_id, "who": who.name, "role": who.role, "at": now}


async def admitted(request: Request) -> tuple[Visitor, dict[str, str], str]:
    """Who asks, the form, and its token; 403 where they may not act, or the form is not one of ours."""
    who = visitor(request)
    if not who.acts:
        raise HTTPException(403, f"{who.name} may look, and do nothing: that takes an operator")
    if foreign(request.headers):
        raise HTTPException(403, "this came from another site's page")
    form = await forms.read(request)
    csrf = form.pop(CSRF, "")
    if not context(request).csrf.holds(csrf, who):
        raise HTTPException(403, "this form is too old, or not one of ours: load its page again")
    return who, form, csrf


async def send(request: Request, action: Action) -> Answer | None:
    """The answer to an action; None where none came in time: it may still come."""
    submit = context(request).submit
    assert submit is not None, "without it there are no routes that act"
    try:
        return await submit(action)
    except RetryLater:
        return None


def shown_at(back: str, ids: Mapping[str, str], action_id: str) -> Response:
    """To the page where the answer is shown."""
    path = back.format(**{name: quote(text, safe="") for name, text in ids.items()})
    return RedirectResponse(f"{path}?{ANSWER}={action_id}", 303)


async def evidence(request: Request) -> Response:
    """Build the evidence package of a case, and note it in its history."""
    who, form, csrf = await admitted(request)
    at, case_id = context(request), request.path_params["case_id"]
    if not await _case(at.reader, {"case_id": case_id}):
        raise HTTPException(404, "there is nothing of that id")
    if form:
        raise BadForm("this form has no fields", form)
    assert at.build_evidence is not None, "without it there is no such route"
    package = await at.build_evidence(case_id)
    action_id = stable_id("console", who.name, csrf, request.url.path, package.digest)
    made = {"case_id": case_id, "name": package.name, "digest": package.digest, "size": package.size}
    await send(request, forms.parse(AddEvidence, {}, made | signed(request, who, action_id)))
    return shown_at("/cases/{case_id}", {"case_id": case_id}, action_id)


async def into_library(request: Request) -> Response:
    """Put what was learned of a closed case into the library."""
    who, form, csrf = await admitted(request)
    at, case_id = context(request), request.path_params["case_id"]
    if at.library is None or not await _case(at.reader, {"case_id": case_id}):
        raise HTTPException(404, "there is nothing of that id")
    if form:
        raise BadForm("this form has no fields", form)
    try:
        entry = await at.library.entry_made_of(case_id)
    except SetupError as error:
        raise BadForm(str(error)) from error
    action_id = stable_id("console", who.name, csrf, request.url.path, entry.model_dump_json())
    await send(request, forms.parse(AddEntry, {}, {"entry": entry} | signed(request, who, action_id)))
    return shown_at("/library/{case_id}", {"case_id": case_id}, action_id)


async def recommend(request: Request) -> Response:
    """Recommend something of the bank for a pattern."""
    who, form, csrf = await admitted(request)
    at, pattern_id = context(request), request.path_params["pattern_id"]
    if at.library is None or not await _pattern(at.reader, {"pattern_id": pattern_id}):
        raise HTTPException(404, "there is nothing of that id")
    found = next((each for each in await at.library.advised(pattern_id) if each.advice == form.get("advice")), None)
    if found is None:
        raise BadForm("advice: the bank has no such advice for this pattern", form)
    action_id = stable_id("console", who.name, csrf, request.url.path, *sorted(form.items()))
    made = {"pattern_id": pattern_id, "team": found.team, "text": found.text, "advice": found.advice}
    made["recommendation_id"] = stable_id("recommendation", action_id)
    why = {name: text for name, text in form.items() if name != "advice"}
    await send(request, forms.parse(Recommend, why, made | signed(request, who, action_id)))
    return shown_at(PATTERN, {"pattern_id": pattern_id}, action_id)


async def _incident(reader: Reader, ids: Mapping[str, str]) -> bool:
    return await incidents.get(reader, ids["incident_id"]) is not None


async def _alert(reader: Reader, ids: Mapping[str, str]) -> bool:
    return await alerts.get(reader, ids["alert_id"]) is not None


async def _silence(reader: Reader, ids: Mapping[str, str]) -> bool:
    return await silences.get(reader, ids["silence_id"]) is not None


async def _case(reader: Reader, ids: Mapping[str, str]) -> bool:
    return await cases.get(reader, ids["case_id"]) is not None


async def _task(reader: Reader, ids: Mapping[str, str]) -> bool:
    found = await cases.get(reader, ids["case_id"])
    return found is not None and ids["task_id"] in [task["id"] for task in items(found.tasks, "id")]


async def _pattern(reader: Reader, ids: Mapping[str, str]) -> bool:
    return await ids_of.beginning_with(reader, "pattern", ids["pattern_id"]) == [ids["pattern_id"]]


async def _recommendation(reader: Reader, ids: Mapping[str, str]) -> bool:
    return await recommendations.get(reader, ids["recommendation_id"]) is not None


PATTERN = "/library/patterns/{pattern_id}"
INCIDENT, ALERT, CASE = "/incidents/{incident_id}", "/alerts/{alert_id}", "/cases/{case_id}"
ACTIONS = (
    FormAction(f"{INCIDENT}/acknowledge", Acknowledge, INCIDENT, _incident),
    FormAction(f"{INCIDENT}/resolve", ResolveIncident, INCIDENT, _incident),
    FormAction(f"{ALERT}/feedback", Feedback, ALERT, _alert),
    FormAction("/silences", Silence, "/silences", new="silence_id"),
    FormAction("/silences/{silence_id}/expire", ExpireSilence, "/silences", _silence),
    FormAction("/cases", OpenCase, CASE, new="case_id", refused="/cases"),
    FormAction(f"{CASE}/move", MoveCase, CASE, _case),
    FormAction(f"{CASE}/assign", AssignCase, CASE, _case),
    FormAction(f"{CASE}/note", Note, CASE, _case),
    FormAction(f"{CASE}/tasks", AddTask, CASE, _case, new="task_id"),
    FormAction(f"{CASE}/tasks/{{task_id}}/done", FinishTask, CASE, _task),
    FormAction(f"{CASE}/template", UseTemplate, CASE, _case),
    FormAction(f"{CASE}/links", Link, CASE, _case),
    FormAction(f"{CASE}/merge", MergeCase, CASE, _case),
    FormAction(f"{CASE}/review", ReviewMeasure, f"{CASE}/review", _case),
    FormAction("/library/recommendations/{recommendation_id}/move", MoveRecommendation, "/library", _recommendation),
    FormAction(f"{PATTERN}/name", NamePattern, PATTERN, _pattern),
    FormAction(f"{PATTERN}/merge", MergePattern, PATTERN, _pattern),
    FormAction(f"{PATTERN}/split", SplitPattern, PATTERN, _pattern),
)
"""Everything that a form can do, but building evidence."""


def routes(*, with_evidence: bool) -> list[Route]:
    """The routes that act."""
    kept = [
        Route(f"{CASE}/library", into_library, methods=["POST"]),
        Route(f"{PATTERN}/recommend", recommend, methods=["POST"]),
    ]
    built = [Route(f"{CASE}/evidence", evidence, methods=["POST"])] if with_evidence else []
    return [*(each.route() for each in ACTIONS), *kept, *built]
