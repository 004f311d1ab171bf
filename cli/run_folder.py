"""The folder of a run: what a replay said, the monitors it said it with, and nothing half written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from livewarden.errors import SetupError
from models.monitors.plan import Plan
from streams.replay import Result

FILES = ("alerts.jsonl", "cases.jsonl", "monitors.json", "summary.json")
"""What a run's folder holds."""

Item = dict[str, Any]
"""An alert or a case as a run's file has it."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run as its folder has it; `monitors` is empty for one that does not say what it was made with."""

    folder: Path
    alerts: Sequence[Item]
    cases: Sequence[Item]
    monitors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """SetupError where the folder holds a run already, unless it may be overwritten."""
    if not overwrite and any((folder / name).exists() for name in FILES):
        raise SetupError(f"{folder}/ holds a run: choose another with --run or --out, or say --overwrite")


def write(result: Result, plan: Plan, summary: Mapping[str, Any], folder: Path) -> None:
    """Write a run's files: all of them, or on an error none."""
    contents = {
        "alerts.jsonl": b"".join(orjson.dumps(alert) + b"\n" for alert in result.alerts),
        "cases.jsonl": b"".join(orjson.dumps(case) + b"\n" for case in result.cases),
        "monitors.json": orjson.dumps(plan.described, option=orjson.OPT_INDENT_2) + b"\n",
        "summary.json": orjson.dumps(dict(summary), option=orjson.OPT_INDENT_2) + b"\n",
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as drafts:
            for name, content in contents.items():
                (Path(drafts) / name).write_bytes(content)
            folder.mkdir(exist_ok=True)
            for name in contents:
                (Path(drafts) / name).replace(folder / name)
    except OSError as error:
        raise SetupError(f"{folder}: {error.strerror}") from error


def load(folder: Path) -> RunFolder:
    """The run in a folder; SetupError where there is none, or its files are not a run's."""
    alerts, cases = _lines(folder / "alerts.jsonl", "alert_id"), _lines(folder / "cases.jsonl", "case_id")
    return RunFolder(folder, alerts, cases, _object(folder / "monitors.json"), _object(folder / "summary.json"))


def _lines(path: Path, name: str) -> list[Item]:
    try:
        items = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
        return sorted(items, key=lambda item: str(item[name]))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}: a run's folder holds alerts.jsonl and cases.jsonl") from error
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise SetupError(f"{path}: not a run's file: {error}") from error


def _object(path: Path) -> dict[str, Any]:
    with suppress(FileNotFoundError):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SetupError(f"{path}: not a run's file: {error}") from error
        if isinstance(found, dict):
            return found
        raise SetupError(f"{path}: not a run's file: no JSON object")
    return {}
