"""`livewarden diff`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cli.common import AsJson, print_json, print_table, where
from livewarden.errors import SetupError

Items = dict[str, dict[str, Any]]
"""Alerts or cases by id."""
_IDS = {"alerts": "alert_id", "cases": "case_id"}
_CONFIGURED = {"alert_id", "alert_ids", "episode_id", "case_id", "config_hash", "monitors"}
"""What another configuration of the same monitor changes in any case."""


def diff(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of another run.")],
    as_json: AsJson = False,
) -> int:
    """Compare two runs: alerts and cases added, removed, changed. Exit code 0 when identical, 1 when not.

    The name of the run does not count. After a threshold was changed it names what came and what went, and counts what
    is the same but for that.

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
        _print(changes)
    else:
        print("identical")
    return 1 if changes else 0


def _print(changes: list[dict[str, Any]]) -> None:
    """What came, went and changed, a row each; what another configuration alone changed, in a sentence."""
    listed = [change for change in changes if change["what"] != "reconfigured"]
    if listed:
        rows = [
            (c["what"], c["kind"][:-1], c["monitor"], c["since"], c["series"], ", ".join(c["fields"])) for c in listed
        ]
        print_table(("", "", "monitor", "since", "series", "changed fields"), rows)
    rest = [change for change in changes if change["what"] == "reconfigured"]
    if rest:
        alerts = sum(change["kind"] == "alerts" for change in rest)
        numbers = sum(bool(change["fields"]) for change in rest if change["kind"] == "alerts")
        print(
            f"came with either configuration: {_counted(alerts, 'alert')}, {numbers:,} of them with other numbers, and "
            f"{_counted(len(rest) - alerts, 'case candidate')} (--json has which)"
        )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


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


def _changes(kind: str, a: Items, b: Items) -> list[dict[str, Any]]:
    """What came, went, changed, and what is there with another configuration of its monitor.

    With that the same alert has another id: what has no partner by id is compared by what it is about.
    """
    changes = []
    partners = _partners({n: a[n] for n in a.keys() - b.keys()}, {n: b[n] for n in b.keys() - a.keys()})
    for old_id, new_id in [*((name, name) for name in a.keys() & b.keys()), *partners]:
        old, new = a.get(old_id, {}), b.get(new_id, {})
        if old == new:
            continue
        reconfigured = old_id != new_id and old and new
        if reconfigured:
            old, new = _without_ids(old), _without_ids(new)
        item = b.get(new_id) or a[old_id]
        fields = sorted(f for f in item if old.get(f) != new.get(f)) if old and new else []
        series = item["series"] if isinstance(item["series"], dict) else {}
        changes.append(
            {
                "what": "reconfigured" if reconfigured else "changed" if old and new else "added" if new else "removed",
                "kind": kind,
                "id": new_id or old_id,
                "monitor": item.get("monitor") or ", ".join(item.get("monitors", [])),
                "since": item.get("window_start") or item.get("started_at"),
                "series": where(series) if series else item.get("title", ""),
                "fields": fields,
            }
        )
    return sorted(changes, key=lambda change: (change["kind"], change["since"], change["id"]))


def _partners(a: Items, b: Items) -> Iterator[tuple[str, str]]:
    """Pairs of ids that are about the same monitors, series and moment; "" where one has no partner."""
    by_subject: dict[str, list[str]] = {}
    for name in sorted(b):
        by_subject.setdefault(_subject(b[name]), []).append(name)
    for name in sorted(a):
        known = by_subject.get(_subject(a[name]), [])
        yield name, known.pop(0) if known else ""
    for names in by_subject.values():
        yield from (("", name) for name in names)


def _subject(item: dict[str, Any]) -> str:
    """What an alert or a case is about, whatever its numbers; a case goes by its beginning and its title's words."""
    if "started_at" in item:
        return repr([item["started_at"], str(item.get("title")).partition(":")[0]])
    return repr([item.get(name) for name in ("monitor", "series", "direction", "kind", "window_start")])


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(item) for name, item in value.items() if name not in _CONFIGURED}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value
