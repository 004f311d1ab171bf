"""What is known about a time: the truth of a simulation, or what people said of its alerts; and a run against it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cli.simulation_score import is_right, outcomes
from livewarden.alert import Alert, from_json
from livewarden.errors import SetupError
from livewarden.times import parse_ms
from models.compare.difference import raised
from models.compare.pairs import pairs
from models.compare.quality import Quality
from models.monitors.monitor import Monitor
from sources.simulate import Incident

if TYPE_CHECKING:
    from sinks.store.reader import Reader


class Known(Protocol):
    """What a run can be held against."""

    def quality(self, alerts: Sequence[Alert], monitors: Mapping[str, Monitor]) -> Quality:
        """How right these alerts of a run with these monitors were."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth file of a simulation: incidents that a watcher ought to find.

    An alert is right as `cli.simulation_score.outcomes` defines; one that overlaps no incident and no aftermath of one
    is wrong, one that does and is not right about it is beside it. Known are the incidents that show on an event which
    one of the monitors reads.
    """

    incidents: Sequence[Incident]
    lateness_s: float

    def quality(self, alerts: Sequence[Alert], monitors: Mapping[str, Monitor]) -> Quality:
        """As `Known`."""
        notified = [alert for alert in alerts if raised(alert) and alert.monitor in monitors]
        notified_json = [alert.to_json("") for alert in notified]
        right = [any(is_right(each, alert, monitors) for each in self.incidents) for alert in notified_json]
        wrong = [not any(_overlaps(each, alert) for each in self.incidents) for alert in notified]
        read = {monitor.event for monitor in monitors.values()}
        known = [each for each in self.incidents if each.event_type in read]
        found = outcomes(known, notified_json, monitors, self.lateness_s)
        delays = [int(1000 * each["delay_s"]) for each in found if each["found"]]
        beside = len(notified) - sum(right) - sum(wrong)
        return Quality(sum(right), sum(wrong), beside, len(delays), len(found), tuple(delays))


@dataclass(frozen=True, slots=True)
class JudgedAlerts:
    """Alerts that people gave feedback on: those that were true, and those that were not (`false`, or `expected`).

    An alert of a run is right where it is, by monitor, series and time, one that was true. Its delay counts from the
    beginning of that one's bucket. What nobody judged is beside it, and nothing is known of what no alert raised.
    """

    true: Sequence[Alert]
    untrue: Sequence[Alert]

    def quality(self, alerts: Sequence[Alert], monitors: Mapping[str, Monitor]) -> Quality:
        """As `Known`."""
        notified = [alert for alert in alerts if raised(alert)]
        found = [(each.a, each.b) for each in pairs(self.true, notified) if each.a and each.b]
        wrong = sum(1 for each in pairs(self.untrue, notified) if each.a and each.b)
        delays = tuple(max(0, run.window_end_ms - known.window_start_ms) for known, run in found)
        return Quality(len(found), wrong, len(notified) - len(found) - wrong, len(found), len(self.true), delays)


def load_truth(path: Path, lateness_s: float) -> Truth:
    """The truth of a file that `livewarden simulate` wrote; SetupError where it is none."""
    try:
        incidents = json.loads(path.read_text(encoding="utf-8"))["incidents"]
        return Truth([_incident(each) for each in incidents], lateness_s)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{path}: not the truth file of a simulation: {error!r}") from error


async def load_feedback(reader: Reader) -> JudgedAlerts:
    """What people said of the alerts in ClickHouse; SetupError where nobody said anything."""
    from sinks.queries.dispositions import judged_alerts

    judged = await judged_alerts(reader)
    if not judged:
        raise SetupError("nobody gave feedback on an alert yet: livewarden alert feedback, or the console")
    alerts = [(from_json(each.model_dump(exclude={"verdict"})), each.verdict == "true") for each in judged]
    return JudgedAlerts([alert for alert, true in alerts if true], [alert for alert, true in alerts if not true])


def monitors_of(described: Mapping[str, Mapping[str, Any]]) -> dict[str, Monitor]:
    """The monitors of a run as its folder describes them."""
    return {
        name: Monitor.model_validate({key: value for key, value in fields.items() if key != "config_hash"})
        for name, fields in described.items()
    }


def _incident(fields: Mapping[str, Any]) -> Incident:
    times = {f"{name}_ms": parse_ms(fields[name]) for name in ("start", "end", "aftermath_end")}
    rest = {name: value for name, value in fields.items() if f"{name}_ms" not in times}
    return Incident(**rest | times | {"markets": tuple(rest["markets"]), "alert_kinds": tuple(rest["alert_kinds"])})


def _overlaps(incident: Incident, alert: Alert) -> bool:
    return alert.window_end_ms > incident.start_ms and alert.window_start_ms < incident.aftermath_end_ms
