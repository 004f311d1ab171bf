"""States of a replay along its way: to go on with one that was interrupted, or to begin late without being cold."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from livewarden.errors import LivewardenError, SetupError
from livewarden.event import Event
from livewarden.settings import Settings
from models.monitors.plan import Plan
from streams.replay import Replay

EVERY_EVENTS = 100_000
"""Events between two states."""
FOLDER = "states"
"""Of a run, for what it keeps."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A state: after so many delivered events, at that largest event time; `made` says of what."""

    events: int
    reached_ms: int
    made: Mapping[str, Any]
    state: Mapping[str, Any]


def made_of(paths: Sequence[Path], plan: Plan, settings: Settings, span: Sequence[int | None]) -> dict[str, Any]:
    """What a replay is made of, for comparing: recordings with their sizes, monitors, partitions, range."""
    return {
        "recordings": sorted([path.name, path.stat().st_size] for path in paths if path.is_file()),
        "monitors": {monitor.name: monitor.config_hash for monitor in plan.monitors},
        "shape": [settings.partitions_by_topic(), settings.lateness_ms(), settings.ahead_ms()],
        "span": list(span),
    }


def newest(folder: Path, made: Mapping[str, Any]) -> Saved:
    """The last state of a replay that was interrupted; SetupError where there is none, or it is of another one."""
    found = list(_saved(folder))
    if not found:
        raise SetupError(f"there is nothing to resume: no replay into {_of(folder)} was interrupted")
    last = max(found, key=lambda each: each.events)
    other = [name for name in made if last.made[name] != made[name]]
    if other:
        raise SetupError(f"the replay that was interrupted had other {', '.join(other)}: begin again without --resume")
    return last


def nearest(run: Path, made: Mapping[str, Any], first_ms: int) -> Saved:
    """The last state that a run kept before a moment; monitors may be others, what they read may not."""
    found = [each for each in _saved(run / FOLDER) if each.reached_ms <= first_ms]
    if not found:
        raise SetupError(f"{run}/ kept no state before --from: replay with --keep-states, or use --warm-up")
    last = max(found, key=lambda each: each.events)
    other = [name for name in ("recordings", "shape") if last.made[name] != made[name]]
    if other:
        raise SetupError(f"{run}/ was made with other {', '.join(other)}")
    return last


def fed(
    driver: Replay,
    events: Iterable[Event],
    folder: Path | None,
    made: Mapping[str, Any],
    begun: Saved | None,
    *,
    keep: bool,
) -> None:
    """Feed all events, from where `begun` stands, and keep states in `folder` (None: none): all with `keep`, else the
    last. Those of a replay that fails for good go; those of one that is killed stay.

    An end of the recording is said as if the state had never been saved, so what comes of it is the same.
    """
    skip, reached = (0, -(2**62)) if begun is None else (begun.events, begun.reached_ms)
    with _gone_where_it_fails(folder):
        if begun is not None:
            driver.restore(begun.state)
        for count, event in enumerate(events, start=1):
            if count <= skip:
                continue
            for _ in driver.feed((event,)):
                pass
            reached = max(reached, event.time_ms)
            if folder is not None and count % EVERY_EVENTS == 0:
                _save(folder, Saved(count, reached, made, driver.snapshot()), keep=keep)
        for _ in driver.finish():
            pass


@contextmanager
def _gone_where_it_fails(folder: Path | None) -> Iterator[None]:
    try:
        yield
    except LivewardenError:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def done(folder: Path, run: Path, *, keep: bool) -> None:
    """After a run was written: its states move into its folder, or go."""
    if keep and folder.exists():
        shutil.rmtree(run / FOLDER, ignore_errors=True)
        folder.replace(run / FOLDER)
    shutil.rmtree(folder, ignore_errors=True)


def folder_of(run: Path) -> Path:
    """Where the states of a run are while it goes on: beside its folder."""
    whole = run.resolve()  # `.` has no name
    return whole.parent / f".{whole.name}.states"


def _of(folder: Path) -> str:
    return folder.name.removeprefix(".").removesuffix(".states")


def _save(folder: Path, saved: Saved, *, keep: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / f"{saved.events}.json", folder / ".draft"
    draft.write_bytes(orjson.dumps(saved, option=orjson.OPT_NON_STR_KEYS))
    draft.replace(path)
    for other in folder.glob("*.json"):
        if not keep and other != path:
            other.unlink()


def _saved(folder: Path) -> Iterator[Saved]:
    for path in sorted(folder.glob("*.json")):
        try:
            yield Saved(**orjson.loads(path.read_bytes()))
        except (OSError, TypeError, orjson.JSONDecodeError) as error:
            raise SetupError(f"{path}: not a state of a replay: {error}") from error
