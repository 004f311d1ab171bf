"""What every page works with, made once at the start and handed down."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import Request

from console.live import Live
from console.render import Renderer
from livewarden.clock import Clock
from sinks.reader import Reader
from sinks.views.counted import Monitors


@dataclass(frozen=True)
class Desk:
    """The reader, the clock, the monitors in force, and what draws pages and tells news."""

    reader: Reader
    clock: Clock
    live: Live
    renderer: Renderer
    monitors: Monitors = field(default_factory=dict)

    def title(self, monitor: str) -> str:
        """A monitor's title, its name where it has none."""
        return str(self.monitors.get(monitor, {}).get("title") or monitor)


def desk(request: Request) -> Desk:
    """The desk of the application that serves a request."""
    found: Desk = request.app.state.desk
    return found
