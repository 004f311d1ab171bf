"""`livewarden diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cli.common import AsJson, print_json, print_table, where
from livewarden.errors import SetupError

_IDS = {"alerts": "alert_id", "cases": "case_id"}


def diff(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of another run.")],
    as_json: AsJson = False,
) -> int:
    """Compare two runs: alerts and cases added, removed, changed. Exit code 0 when identical, 1 when not.

    The name of the run does not count.

    Example: livewarden diff tonight tonight-with-new-threshold
    """
    changes = [
        change
        for kind, name in _IDS.items()
        for change in _changes(kind, _load(run_a, kind, name), _load(run_b, kind, name))
    ]
    if as_json:
        print_json({"identical": not changes, "changes": changes})
    elif changes:
        rows = [
            (c["what"], c["kind"][:-1], c["monitor"], c["since"], c["series"], ", ".join(c["fields"])) for c in changes
        ]
        print_table(("", "", "monitor", "since", "series", "changed fields"), rows)
    else:
        print("identical")
    return 1 if changes else 0


def _load(folder: Path, kind: str, name: str) -> dict[str, dict[str, Any]]:
    path = folder / f"{kind}.jsonl"
    try:
        items = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
        return {item[name]: _without_run(item) for item in items}
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}: a run's folder holds alerts.jsonl and cases.jsonl") from error
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise SetupError(f"{path}: not a run's file: {error}") from error


def _without_run(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_run(item) for name, item in value.items() if name != "run"}
    return [_without_run(item) for item in value] if isinstance(value, list) else value


def _changes(kind: str, a: dict[str, dict[str, Any]], b: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    changes = []
    for item_id in sorted(a.keys() | b.keys()):
        old, new = a.get(item_id), b.get(item_id)
        if old == new:
            continue
        item = new or old or {}
        fields = sorted(f for f in item if (old or {}).get(f) != (new or {}).get(f)) if old and new else []
        series = item["series"] if isinstance(item["series"], dict) else {}
        changes.append(
            {
                "what": "changed" if old and new else "added" if new else "removed",
                "kind": kind,
                "id": item_id,
                "monitor": item.get("monitor") or ", ".join(item.get("monitors", [])),
                "since": item.get("window_start") or item.get("started_at"),
                "series": where(series) if series else item.get("title", ""),
                "fields": fields,
            }
        )
    return sorted(changes, key=lambda change: (change["kind"], change["since"], change["id"]))
