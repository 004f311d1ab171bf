"""What a change of a monitor costs: whether its sums, what it has learned, or nothing at all begins anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from models.monitors.monitor import Monitor

Anew = Literal["new", "sums", "model"]


def what_begins_anew(monitor: Monitor, state: Mapping[str, Any] | None) -> Anew | None:
    """What of a monitor cannot go on from a saved state (`MonitorJudge.snapshot`); None where all of it can.

    `sums`: it counts something else, so the buckets that are under way are skipped, and it learns from nothing.
    `model`: it counts the same and learns something else of it. `new`: there is no state.
    """
    if state is None:
        return "new"
    sums, model = state["shape"]
    if state["config"] == monitor.config_hash:
        return None
    if sums != monitor.sums_shape:
        return "sums"
    return None if model == monitor.model_shape else "model"


def differences(monitor: Monitor, state: Mapping[str, Any]) -> list[str]:
    """The keys that make it begin anew, each with its value then and now; of a state that does not say, one line that
    tells so.

    >>> state = {"config": "", "shape": [{"event": "traffic.sample", "bucket": "2m"}, {"detector": "traffic"}]}
    >>> differences(Monitor(name="viewers", event="traffic.sample", bucket="5m", detector="traffic"), state)
    ['bucket: "2m", now "5m"']
    """
    sums, model = state.get("shape", ({}, {}))
    if not sums:
        return ["it was saved by a version that does not say what it was"]
    then, now = sums | model, monitor.sums_shape | monitor.model_shape
    return [
        f"{key}: {_shown(key, then)}, now {_shown(key, now)}"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]


def _shown(key: str, shape: Mapping[str, Any]) -> str:
    value = shape.get(key, Monitor.model_fields[key].get_default(call_default_factory=True))
    return json.dumps(value, ensure_ascii=False) if value else "none"
