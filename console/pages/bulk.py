"""Many cases at once: those that are picked in the list are dismissed, or merged into one."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console import forms
from console.forms import BadForm
from console.pages.forms import admitted, send, signed
from livewarden.action import Action, MergeCase, MoveCase
from livewarden.ids import stable_id

PICK = "pick."
"""What the name of a case's box begins with."""
DOES = ("dismiss", "merge")


async def bulk(request: Request) -> Response:
    """Do it to every picked case; each has its answer on the page of actions, where this leads."""
    who, form, csrf = await admitted(request)
    picked = [name.removeprefix(PICK) for name in form if name.startswith(PICK)]
    said = {name: value for name, value in form.items() if not name.startswith(PICK)}
    does = said.pop("do", "")
    if not picked:
        raise BadForm("no case is picked", form)
    if does not in DOES:
        raise BadForm(f"say what to do with them: {' or '.join(DOES)}", form)
    only = {"dismiss": ("resolution", "why"), "merge": ("into", "why")}[does]
    fields = {name: value for name, value in said.items() if name in only}
    actions: list[Action] = []
    for case_id in picked:
        action_id = stable_id("console", who.name, csrf, request.url.path, case_id, *sorted(said.items()))
        known = {"case_id": case_id} | signed(request, who, action_id)
        if does == "dismiss":
            actions.append(forms.parse(MoveCase, fields, known | {"to": "dismissed"}))
        else:
            actions.append(forms.parse(MergeCase, fields, known))
    await asyncio.gather(*(send(request, action) for action in actions))
    return RedirectResponse("/actions", 303)
