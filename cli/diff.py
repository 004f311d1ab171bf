"""`livewarden diff`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.common import AsJson, load_settings, number, print_json, print_table, reading, where
from cli.diff_cases import CaseChange, case_changes
from cli.known import Known, load_feedback, load_truth, monitors_of
from cli.run_folder import RunFolder, load
from livewarden.alert import Alert, from_json
from livewarden.errors import SetupError
from livewarden.times import format_ms
from livewarden.wording import duration
from models.compare.difference import Difference, MonitorSummary, cause_of, differences, raised, summaries
from models.compare.quality import Quality

TRUTH = typer.Option("--truth", help="Truth file of the simulation: adds precision, recall and delay of both.")
FEEDBACK = typer.Option("--feedback", help="Hold both against what people said of live alerts, from ClickHouse.")


@dataclass(frozen=True, slots=True)
class Compared:
    """All that is different between two runs; `qualities` holds one of each run where something is known."""

    alerts: Sequence[Difference]
    cases: Sequence[CaseChange]
    names: tuple[str, str]
    monitors: Sequence[str]
    qualities: Sequence[Quality]

    @property
    def identical(self) -> bool:
        """Whether both said the same."""
        return not self.cases and all(each.rest == "same" for each in self.alerts)


def diff(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="Folder of a run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Folder of another run.")],
    truth: Annotated[Path | None, TRUTH] = None,
    feedback: Annotated[bool, FEEDBACK] = False,
    as_json: AsJson = False,
) -> int:
    """Compare two runs: what RUN_B says that RUN_A does not, and the reverse. Exit code 0 when identical, 1 when not.

    Alerts are matched by monitor, series and time, so a monitor may be configured otherwise in each run. What is the
    same but for the configuration, or in other details, is counted in a sentence (--json has which). The name of the
    run does not count.

    Example: livewarden diff tonight tonight-with-new-threshold
    Example: livewarden diff tonight stricter --truth evening.truth.json
    """
    a, b = load(run_a), load(run_b)
    found = compared(a, b, known(truth, feedback))
    if as_json:
        print_json(_as_json(found))
    elif found.identical:
        print("identical")
        _print_quality(found.qualities)
    else:
        _print(found)
    return 0 if found.identical else 1


def known(truth: Path | None, feedback: bool) -> Known | None:
    """What the options name to hold a run against."""
    if truth is not None and feedback:
        raise SetupError("--truth is about a simulation and --feedback about live alerts: say one of them")
    settings = load_settings() if truth or feedback else None
    if truth is not None and settings is not None:
        return load_truth(truth, settings.lateness_s)
    if settings is not None:

        async def fetch() -> Known:
            async with reading(settings) as reader:
                return await load_feedback(reader)

        return asyncio.run(fetch())
    return None


def compared(a: RunFolder, b: RunFolder, known: Known | None) -> Compared:
    """Two runs beside each other; SetupError where an alert is not as this version writes it."""
    ours, theirs = _alerts(a), _alerts(b)
    qualities = [] if known is None else [_quality(known, run, alerts) for run, alerts in ((a, ours), (b, theirs))]
    found = differences(ours, theirs)
    cases = case_changes(a.cases, b.cases, [each.pair for each in found])
    return Compared(found, cases, (str(a.folder), str(b.folder)), _changed_keys(a, b), qualities)


def _alerts(run: RunFolder) -> list[Alert]:
    try:
        return [from_json(alert) for alert in run.alerts]
    except (KeyError, TypeError, ValueError) as error:
        raise SetupError(f"{run.folder}/alerts.jsonl: not the alerts of this version: {error}") from error


def _quality(known: Known, run: RunFolder, alerts: Sequence[Alert]) -> Quality:
    if not run.monitors:
        raise SetupError(f"{run.folder}/monitors.json is missing: replay again, it says what the run was made with")
    return known.quality(alerts, monitors_of(run.monitors))


def _changed_keys(a: RunFolder, b: RunFolder) -> list[str]:
    """Each key of a monitor that the runs have otherwise, as a sentence."""
    said = []
    for name in sorted(a.monitors.keys() | b.monitors.keys() if a.monitors and b.monitors else ()):
        ours, theirs = a.monitors.get(name), b.monitors.get(name)
        if ours is None or theirs is None:
            said.append(f"{name}: in {b.folder if ours is None else a.folder} alone")
            continue
        keys = [key for key in theirs if key != "config_hash" and ours.get(key) != theirs[key]]
        said += [f"{name}: {key} {_value(ours.get(key))}, now {_value(theirs[key])}" for key in keys]
    then, now = monitors_of(a.monitors), monitors_of(b.monitors)
    for name in sorted(then.keys() & now.keys()):
        if then[name].threshold != now[name].threshold:
            said.append(f"{name}: threshold {then[name].threshold:.2f}, now {now[name].threshold:.2f}")
    return sorted(said, key=lambda line: line.partition(":")[0])


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _print(found: Compared) -> None:
    print(f"A is {found.names[0]}, B is {found.names[1]}")
    for line in found.monitors:
        print(line)
    listed = [each for each in found.alerts if each.what]
    cases = [each for each in found.cases if each.what != "reconfigured"]
    if listed:
        print()
        columns = ("alert", "monitor", "series", "since", "observed", "expected", "explanation")
        print_table(columns, [_row(each) for each in listed])
    if cases:
        print()
        rows = [(each.what, each.monitors, each.since, each.title, ", ".join(each.fields)) for each in cases]
        print_table(("case", "monitors", "since", "title", "other in"), rows)
    print(f"\n{_folded(found)}\n")
    names = ("monitor", "A", "B", "added", "removed", "moved", "larger", "smaller", "explained otherwise", "as it was")
    rows = [tuple(getattr(each, field.name) for field in fields(each)) for each in summaries(found.alerts)]
    print_table(names, [*rows, _total(summaries(found.alerts))], right=names[1:])
    _print_quality(found.qualities)
    print(f"\n{_in_a_sentence(found)}")


def _in_a_sentence(found: Compared) -> str:
    """How many alerts each raises, and what is known of which is better."""
    total = summaries(found.alerts)
    a, b, added, removed = (sum(getattr(line, name) for line in total) for name in ("a", "b", "added", "removed"))
    said = f"B raises {_counted(b, 'alert')} where A raises {a:,} ({added:,} added, {removed:,} removed)"
    if not found.qualities:
        return f"{said}; which is better is not known without --truth or --feedback."
    one, other = found.qualities
    finds = f"{other.found:,} of {other.known:,}" + (
        f", A {one.found:,}" if one.found != other.found else ", as A does"
    )
    wrong = f"{other.wrong:,} wrong" + (f", A {one.wrong:,}" if one.wrong != other.wrong else ", as many as A")
    return f"{said}. B finds {finds}; {wrong}."


def _total(lines: Sequence[MonitorSummary]) -> tuple[Any, ...]:
    names = [field.name for field in fields(MonitorSummary)][1:]
    return ("all", *(sum(getattr(line, name) for line in lines) for name in names))


def _row(each: Difference) -> tuple[str, ...]:
    a, b = each.pair
    alert = each.alert
    since = _then_now(a, b, lambda it: format_ms(it.window_start_ms))
    observed = _then_now(a, b, lambda it: number(it.observed))
    expected = _then_now(a, b, lambda it: number(it.expected))
    explained = _then_now(a, b, _cause)
    kept = next((alert.suppressed_by for alert in (a, b) if alert and not raised(alert)), None)
    what = ", ".join(each.what) + (f" ({kept})" if kept else "")
    return what, alert.monitor, where(alert.series), since, observed, expected, explained


def _then_now(a: Alert | None, b: Alert | None, shown: Callable[[Alert], str]) -> str:
    """One value where both runs have it or one alone has the alert, else both."""
    values = dict.fromkeys(shown(alert) for alert in (a, b) if alert is not None)
    return " → ".join(values)


def _cause(alert: Alert) -> str:
    verdict, slices = cause_of(alert)
    return " ".join([verdict.lower().replace("_", " "), *(f"{name}={value}" for name, value in slices)]) or "none"


def _folded(found: Compared) -> str:
    """What is not listed, counted."""
    alone = sum(each.rest == "configuration" for each in found.alerts)
    details = sum(each.rest == "details" for each in found.alerts)
    same = sum(each.rest == "same" for each in found.alerts)
    recast = sum(each.what == "reconfigured" for each in found.cases)
    said = [
        f"{_counted(alone, 'alert')} the same but for the configuration",
        f"{_counted(details, 'alert')} other in details or kept back",
        f"{_counted(same, 'alert')} identical",
        f"{_counted(recast, 'case candidate')} with another configuration",
    ]
    return "not listed: " + ", ".join(each for each in said if not each.startswith("0 ")) + " (--json has which)"


def _print_quality(qualities: Sequence[Quality]) -> None:
    if qualities:
        print()
        names = ("run", "precision", "recall", "delay", "right", "wrong", "beside", "found", "of")
        rows = [(name, *quality_row(each)) for name, each in zip("AB", qualities, strict=True)]
        print_table(names, rows, right=names[1:])


def quality_row(each: Quality) -> tuple[str, ...]:
    """Precision, recall, the median delay and the counts behind them, for people."""
    delay = "–" if each.delay_ms is None else duration(int(each.delay_ms))
    counts = (each.right, each.wrong, each.beside, each.found, each.known)
    return (_percent(each.precision), _percent(each.recall), delay, *(f"{count:,}" for count in counts))


def quality_json(each: Quality) -> dict[str, Any]:
    """The same, as JSON."""
    rates = {"precision": each.precision, "recall": each.recall, "delay_s": each.delay_ms and each.delay_ms / 1000}
    return rates | {name: getattr(each, name) for name in ("right", "wrong", "beside", "found", "known")}


def _percent(part: float | None) -> str:
    return "–" if part is None else f"{100 * part:.0f} %"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _as_json(found: Compared) -> Mapping[str, Any]:
    return {
        "identical": found.identical,
        "configuration": found.monitors,
        "alerts": [_alert_json(each) for each in found.alerts if each.rest != "same"],
        "cases": [asdict(each) for each in found.cases],
        "monitors": [asdict(each) for each in summaries(found.alerts)],
        "quality": {name: quality_json(each) for name, each in zip("ab", found.qualities, strict=False)},
    }


def _alert_json(each: Difference) -> dict[str, Any]:
    a, b = (None if alert is None else _brief(alert) for alert in each.pair)
    what = [str(what) for what in each.what or (each.rest,)]
    about = {"monitor": each.alert.monitor, "series": each.alert.series, "kind": each.alert.kind}
    return {"what": what, **about, "a": a, "b": b, "fields": each.fields}


def _brief(alert: Alert) -> dict[str, Any]:
    names = ("alert_id", "window_start", "observed", "expected", "score", "severity", "suppressed_by")
    whole = alert.to_json("")
    return {name: whole[name] for name in names} | {"explanation": _cause(alert)}
