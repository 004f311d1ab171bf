"""The metric rows of `livewarden.metrics` as Prometheus objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from socket import AF_INET6
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from livewarden.errors import SetupError
from livewarden.metrics import METRICS

REGISTRY = CollectorRegistry()
_why_not = ""
_KINDS = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}


@cache
def _metric(name: str) -> Counter | Gauge | Histogram:
    row = next(metric for metric in METRICS if metric.name == name)
    made: Counter | Gauge | Histogram = _KINDS[row.kind](row.name, row.help, row.labels, registry=REGISTRY)
    return made


def count(name: str, *labels: str, by: float = 1) -> None:
    """Add to a counter; a name that is no row raises StopIteration."""
    metric = _metric(name)
    assert isinstance(metric, Counter)
    metric.labels(*labels).inc(by)


def gauge(name: str, *labels: str, value: float) -> None:
    """Set a gauge."""
    metric = _metric(name)
    assert isinstance(metric, Gauge)
    (metric.labels(*labels) if labels else metric).set(value)


def observe(name: str, *labels: str, seconds: float) -> None:
    """Add an observation to a histogram."""
    metric = _metric(name)
    assert isinstance(metric, Histogram)
    metric.labels(*labels).observe(seconds)


def ready(why_not: str) -> None:
    """Say whether this process is of use; `why_not` is empty when it is, and one line when it is not."""
    global _why_not
    _why_not = why_not


def why_not_ready() -> str:
    """What was said last; empty while this process is of use."""
    return _why_not


def serve(host: str, port: int, called: str = "LIVEWARDEN_METRICS_PORT") -> None:
    """Answer on `host:port`, from a thread of its own: Prometheus, and /ready with 200, or 503 and one line why not.

    Every metric is there from the start. SetupError where nobody can listen there.
    """
    for row in METRICS:
        _metric(row.name)
    metrics = make_wsgi_app(REGISTRY)

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/ready":
            return metrics(environ, start)  # type: ignore[no-any-return]
        why_not = _why_not
        start("503 Service Unavailable" if why_not else "200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [(why_not or "ready").encode() + b"\n"]

    try:
        server = make_server(
            host, port, answer, _Server6 if ":" in host else ThreadingWSGIServer, handler_class=_Silent
        )
    except OSError as error:
        raise SetupError(
            f"{called}: cannot listen on {host} port {port} ({error.strerror or error}): choose another port"
        ) from error
    Thread(target=server.serve_forever, daemon=True).start()


class _Server6(ThreadingWSGIServer):
    address_family = AF_INET6


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass
