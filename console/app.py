"""The console as an ASGI application: routes, what becomes of errors, and the gate before it all."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from console.access import ALIVE, Access, Gate, Notified
from console.context import BuildEvidence, CaseLibrary, CaseRadius, PageContext, context
from console.csrf import CsrfTokens
from console.forms import BadForm
from console.headers import SecureHeaders
from console.live import BREATH_S, Live
from console.pages import forms
from console.pages.alert import alert
from console.pages.alerts import AlertQuery, alerts
from console.pages.audit import ActionQuery, actions
from console.pages.blast_radius import RadiusQuery, blast_radius, review, siblings
from console.pages.bulk import bulk
from console.pages.case import case, evidence, package
from console.pages.cases import AboutQuery, CaseQuery, cases, new_case
from console.pages.changes import ChangeQuery, changes
from console.pages.dead_letters import DeadLetterQuery, dead_letter, dead_letters
from console.pages.entity import entity
from console.pages.health import health
from console.pages.incidents import IncidentQuery, door, incident, incidents
from console.pages.library import LibraryQuery, entry, library, pattern
from console.pages.load import LoadQuery, load
from console.pages.misjudgement import CellQuery, RadarQuery, cell, misjudgement
from console.pages.page import Page
from console.pages.silences import SilenceQuery, new_silence, preview, silences
from console.parameters import BadParameter, Query
from console.render import Renderer
from console.under import Under
from livewarden.action import Submit
from livewarden.clock import Clock, SystemClock
from livewarden.errors import RetryLater, SetupError
from sinks.queries.counted import Monitors
from sinks.store.reader import Reader


class Console:
    """The application over a reader. Without `submit` it answers GET and HEAD alone and changes nothing.

    `monitors`: the configuration in force, for titles, owners, playbooks and the events of alerts without a case.
    `poll_s`: seconds between two looks for news while a page is open. `submit` sends what people do on its way, and
    `build_evidence` makes evidence packages, which are kept in the folder `packages`. `secret` signs the tokens of
    forms: the same for all consoles behind one address. `notified` takes what the gate refused, for a metric. `root`:
    the path that all of it is under, such as `/livewarden`. `library`: where closed cases are found again.
    `radius`: what else a case's error hit.
    """

    def __init__(
        self,
        reader: Reader,
        access: Access | None = None,
        monitors: Monitors | None = None,
        clock: Clock | None = None,
        *,
        poll_s: float = 2.0,
        submit: Submit | None = None,
        build_evidence: BuildEvidence | None = None,
        packages: Path | None = None,
        secret: str = "",
        notified: Notified | None = None,
        root: str = "",
        library: CaseLibrary | None = None,
        radius: CaseRadius | None = None,
    ) -> None:
        clock = clock or SystemClock()
        live, csrf = Live(reader, poll_s=poll_s), CsrfTokens(secret, clock)
        self._desk = PageContext(
            reader, clock, live, Renderer(root), csrf, monitors or {}, submit, build_evidence, packages, library, radius
        )
        app = Starlette(
            routes=routes(acts=submit is not None, builds=build_evidence is not None),
            exception_handlers={
                HTTPException: _failed,
                BadForm: _unread,
                BadParameter: _refused,
                RetryLater: _unavailable,
                SetupError: _unavailable,
                Exception: _broken,
            },
        )
        app.router.redirect_slashes = False  # Starlette's leads to the host that it was asked by, over http
        app.state.context = self._desk
        inside = Gate(app, access or Access(), clock, notified)
        self._app: ASGIApp = SecureHeaders(Under(inside, root) if root else inside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    def close(self) -> None:
        """End the open streams, so that the server can stop."""
        self._desk.live.close()


class _Files(StaticFiles):
    """Our own files: they are named by their content, so a browser may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer


async def _alive(request: Request) -> Response:
    """Whether the process answers; asks nobody who they are."""
    return PlainTextResponse("alive\n")


async def _live(request: Request, _: Query) -> Response:
    """What is new, as server-sent events, while the page is open."""
    live = context(request).live
    if live.full:
        raise HTTPException(503, "too many pages listen: close some")
    return EventSourceResponse(
        live.listen(), ping=BREATH_S, ping_message_factory=lambda: ServerSentEvent(comment="still here", sep="\n")
    )


def _page(request: Request, status: int, text: str, typed: Mapping[str, str] | None = None) -> Response:
    title = HTTPStatus(status).phrase
    at = context(request)
    nothing = {"said": None, "down": (), "typed": typed or {}}
    return at.renderer.page(
        request, "error.html", status, **at.frame(request), **nothing, status=status, title=title, text=text
    )


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404 and path.endswith("/") and path.strip("/") and request.method in ("GET", "HEAD"):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/{path.strip('/')}{query}", 307)  # without a host: a proxy's is not ours
    usual = {404: "there is no such page", 405: "this address does not answer that"}
    said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else usual.get(error.status_code, "")
    answer = _page(request, error.status_code, said)
    answer.headers.update(error.headers or {})
    return answer


def _refused(request: Request, error: Exception) -> Response:
    return _page(request, 400, str(error))


def _unread(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadForm)
    return _page(request, 400, str(error), error.typed)


def _unavailable(request: Request, error: Exception) -> Response:
    answer = _page(request, 503, str(error))
    answer.headers["Retry-After"] = "5"
    return answer


def _broken(request: Request, error: Exception) -> Response:
    return _page(request, 500, "the console made a mistake; its log says which")


def routes(*, acts: bool, builds: bool) -> list[Route | Mount]:
    """All addresses: those that show, and where people may act those that do, evidence where it can be built."""
    shown: list[Route | Mount] = [Route(ALIVE, _alive), Route("/", door), *(page.route() for page in PAGES), _STATIC]
    return [*shown, *([_PREVIEW, _BULK] if acts else []), *(forms.routes(with_evidence=builds) if acts else [])]


_STATIC = Mount("/static", _Files(packages=[("console", "static")]))
_BULK = Route("/cases/bulk", bulk, methods=["POST"])
_PREVIEW = Route("/silences/preview", preview, methods=["POST"])
PAGES = (
    Page("/live", _live),
    Page("/incidents", incidents, IncidentQuery),
    Page("/incidents/{incident_id}", incident),
    Page("/alerts", alerts, AlertQuery),
    Page("/alerts/{alert_id}", alert),
    Page("/cases", cases, CaseQuery),
    Page("/cases/new", new_case, AboutQuery),
    Page("/cases/{case_id}", case),
    Page("/cases/{case_id}/blast-radius", blast_radius, RadiusQuery),
    Page("/cases/{case_id}/blast-radius.csv", siblings, RadiusQuery),
    Page("/cases/{case_id}/review", review),
    Page("/cases/{case_id}/evidence.json", evidence),
    Page("/cases/{case_id}/evidence/{name}", package),
    Page("/silences", silences, SilenceQuery),
    Page("/silences/new", new_silence, AboutQuery),
    Page("/actions", actions, ActionQuery),
    Page("/changes", changes, ChangeQuery),
    Page("/entity/{entity_id}", entity),
    Page("/misjudgement", misjudgement, RadarQuery),
    Page("/misjudgement/cell", cell, CellQuery),
    Page("/library", library, LibraryQuery),
    Page("/library/patterns/{pattern_id}", pattern),
    Page("/library/{entry_id}", entry),
    Page("/dead-letters", dead_letters, DeadLetterQuery),
    Page("/dead-letters/{topic}/{partition:int}/{offset:int}", dead_letter),
    Page("/health", health),
    Page("/load", load, LoadQuery),
)
"""Everything that shows something."""
