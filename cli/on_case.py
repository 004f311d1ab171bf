"""Commands that do one thing to a case: each says what it adds, and has the same options beside it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import typer

from cli.act import ActionForm, ActionRequest, As, Expects, Url, Why, perform, perform_all
from cli.case import Id, app
from cli.common import AsJson
from livewarden.action import Action, Role
from livewarden.errors import SetupError


@dataclass(frozen=True)
class CaseRequest:
    """The case that a command is about, the reason given, and the version that was seen."""

    form: ActionForm
    case_id: str
    why: str
    expects: int | None

    def action(self, make: Callable[..., Action], role: Role = "operator", **fields: Any) -> Action:
        """An action on the case."""
        stamp = self.form.stamp(self.why, role)
        return make(**stamp, case_id=self.case_id, expects=self.expects, **fields)


Ids = Annotated[list[str], typer.Argument(metavar="CASE...", help="Their ids, or as much of each as is unique.")]
Ask = Callable[..., Awaitable[Action]]
_COMMON: dict[str, tuple[Any, Any]] = {
    "why": (Why, ""),
    "expects": (Expects, None),
    "who": (As, None),
    "url": (Url, None),
    "as_json": (AsJson, False),
}


def command(
    name: str | None = None, help: str | None = None, *, why: bool = True, many: bool = False
) -> Callable[[Ask], Ask]:
    """Make a command of `livewarden case` out of what asks for an action: `ask(on, own options…)`.

    Its own options come behind the case and before those that all of them have; `why`: whether --why is one of these.
    `many`: it takes several cases, and asks for one action each.
    """

    def register(ask: Ask) -> Ask:
        def run(**given: Any) -> int:
            named, who, url, as_json = (
                given.pop(key) for key in ("cases" if many else "case", "who", "url", "as_json")
            )
            reason, expects = given.pop("why", ""), given.pop("expects")

            def requested(short: str) -> ActionRequest:
                async def request(form: ActionForm) -> Action:
                    return await ask(CaseRequest(form, await form.one("case", short), reason, expects), **given)

                return request

            if not many:
                return perform(requested(named), url, who, as_json)
            if expects is not None and len(named) > 1:
                raise SetupError("--expects goes with one case")
            return perform_all([requested(each) for each in named], url, who, as_json)

        run.__name__, run.__doc__ = ask.__name__, ask.__doc__
        signature = _signature(ask, why=why, many=many)
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
        app.command(name, help=help)(run)
        return ask

    return register


def _signature(ask: Ask, *, why: bool, many: bool) -> inspect.Signature:
    hints, kind = get_type_hints(ask, include_extras=True), inspect.Parameter.KEYWORD_ONLY
    own = list(inspect.signature(ask).parameters.values())[1:]
    first = inspect.Parameter("cases", kind, annotation=Ids) if many else inspect.Parameter("case", kind, annotation=Id)
    common = (inspect.Parameter(key, kind, default=d, annotation=a) for key, (a, d) in _COMMON.items())
    return inspect.Signature(
        [
            first,
            *(each.replace(annotation=hints[each.name], kind=kind) for each in own),
            *(each for each in common if why or each.name != "why"),
        ]
    )
