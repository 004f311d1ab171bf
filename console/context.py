"""What every page works with, made once at the start and handed down."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response

from console.csrf import CsrfTokens
from console.identity import visitor
from console.live import Live
from console.parameters import ANSWER
from console.render import Renderer
from livewarden.action import Submit
from livewarden.blast_radius import BlastRadius
from livewarden.clock import Clock
from livewarden.library import Advised, CaseFacts, Coverage, EntryView, PatternLine, PatternView, SimilarCase
from livewarden.library_entry import LibraryEntry
from sinks.queries import actions, notifications
from sinks.queries.counted import Monitors
from sinks.store.reader import Reader


class Package(Protocol):
    """An evidence package that was built: its file's name, the digest that proves it unchanged, and its bytes."""

    @property
    def name(self) -> str:
        """Of the file."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal."""
        ...

    @property
    def size(self) -> int:
        """In bytes."""
        ...


class CaseLibrary(Protocol):
    """The case library, as pages ask for it."""

    async def like_case(self, case_id: str) -> list[SimilarCase]:
        """Cases that are alike to one."""
        ...

    async def like(self, facts: CaseFacts) -> list[SimilarCase]:
        """Cases that are alike to what has these facts."""
        ...

    async def entry(self, entry_id: str) -> EntryView | None:
        """One entry; None where there is none of that id."""
        ...

    async def entry_made_of(self, case_id: str) -> LibraryEntry:
        """The entry that a case makes as it is now; SetupError where nobody works on it."""
        ...

    async def pattern(self, pattern_id: str, now_ms: int) -> PatternView | None:
        """One pattern; None where nothing ever had that id."""
        ...

    async def patterns(self, now_ms: int) -> Sequence[PatternLine]:
        """Patterns in force, those that are expected to cost most first."""
        ...

    async def advised(self, pattern_id: str) -> Sequence[Advised]:
        """What the bank has for a pattern."""
        ...

    async def coverage(self) -> Coverage:
        """Of how many of all measures its cases are about."""
        ...


class CaseRadius(Protocol):
    """Finds what else a case's error hit."""

    async def __call__(self, case_id: str, where: Mapping[str, str] | None = None) -> BlastRadius:
        """Its blast radius, narrowed to the slice `where`; SetupError where no slice is known."""
        ...


BuildEvidence = Callable[[str], Awaitable[Package]]
"""Builds the evidence package of the case with that id, and keeps it."""


class Said(NamedTuple):
    """What became of what the visitor asked for: `accepted`, `refused` or `waiting`, and a sentence."""

    outcome: str
    text: str


_WAITING = Said("waiting", "There is no answer yet. It may still be accepted: look again before you repeat it.")


@dataclass(frozen=True)
class PageContext:
    """The reader, the clock, the monitors in force, what draws pages and tells news, and how actions are sent.

    Without `submit` there is nothing to be done here but to look. `packages`: the folder in which evidence packages are
    kept.
    """

    reader: Reader
    clock: Clock
    live: Live
    renderer: Renderer
    csrf: CsrfTokens
    monitors: Monitors = field(default_factory=dict)
    submit: Submit | None = None
    build_evidence: BuildEvidence | None = None
    packages: Path | None = None
    library: CaseLibrary | None = None
    radius: CaseRadius | None = None

    def title(self, monitor: str) -> str:
        """A monitor's title, its name where it has none."""
        return str(self.monitors.get(monitor, {}).get("title") or monitor)

    async def page(self, request: Request, template: str, status: int = 200, /, **values: Any) -> Response:
        """The page that a template makes of `values`, for who asks: with what they may do,
        and the answer to what they did.
        """
        said, down = await asyncio.gather(self._said(request), notifications.channels(self.reader, down=True))
        return self.renderer.page(
            request, template, status, **self.frame(request), **values | {"said": said, "down": down}
        )

    def frame(self, request: Request) -> dict[str, Any]:
        """What every page shows, as far as it takes no question."""
        who = visitor(request)
        acts = self.submit is not None and who.acts
        return {
            "who": who,
            "acts": acts,
            "csrf": self.csrf.issue(who) if acts else "",
            "builds": acts and self.build_evidence is not None,
            "now": self.clock.now_ms(),
        }

    async def _said(self, request: Request) -> Said | None:
        asked = request.query_params.get(ANSWER, "")
        try:
            action_id = str(uuid.UUID(asked))
        except ValueError:
            return None
        found = await actions.get(self.reader, action_id)
        if found is None:
            return _WAITING
        return Said(found.outcome, found.answer) if found.who == visitor(request).name else None


def context(request: Request) -> PageContext:
    """The desk of the application that serves a request."""
    found: PageContext = request.app.state.context
    return found
