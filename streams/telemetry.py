"""The metric rows of `livewarden.metrics` as Prometheus objects."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from livewarden.errors import SetupError
from livewarden.metrics import METRICS

REGISTRY = CollectorRegistry()
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


def serve(host: str, port: int, called: str = "LIVEWARDEN_METRICS_PORT") -> None:
    """Answer Prometheus on `host:port`, from a thread of its own; every metric is there from the start.

    SetupError where nobody can listen there.
    """
    for row in METRICS:
        _metric(row.name)
    try:
        start_http_server(port, addr=host, registry=REGISTRY)
    except OSError as error:
        raise SetupError(
            f"{called}: cannot listen on {host} port {port} ({error.strerror or error}): choose another port"
        ) from error
