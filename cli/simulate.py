"""`livewarden simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.common import AsJson, print_json, print_table, tracked
from livewarden.errors import SetupError
from sources.recording import write


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Recording to write: .jsonl, .jsonl.gz or .parquet.")],
    truth: Annotated[
        Path | None, typer.Option(help="File for the injected incidents; beside the recording where left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 7,
    scenario: Annotated[
        Literal["evening", "months"],
        typer.Option(help="evening: all kinds of events; months: measures, appeals and reversals of 100 days."),
    ] = "evening",
    as_json: AsJson = False,
) -> None:
    """Write a simulated LIVE evening, with incidents in it and the truth about them. It is a simulation and says so.

    Example: livewarden simulate --out evening.jsonl.gz --seed 11
    """
    if scenario == "months":
        _months(out, truth, seed, as_json)
        return
    _evening(out, truth, seed, as_json)


def _months(out: Path, truth: Path | None, seed: int, as_json: bool) -> None:
    from sources.simulate.misjudged_events import MisjudgedMonths, misjudged_months

    if truth is not None:
        raise SetupError("--truth: the months have no truth file; what was done to them stands in docs/misjudgement.md")
    events = write(out, tracked(misjudged_months(MisjudgedMonths(seed=seed)), "simulating"))
    if as_json:
        print_json({"simulation": True, "out": str(out), "events": events})
    else:
        print(f"{events:,} simulated events in {out}")


def _evening(out: Path, truth: Path | None, seed: int, as_json: bool) -> None:
    from sources.simulate import scenario_evening, truth_json
    from sources.simulate import simulate as events_of
    from sources.simulate import truth as truth_of

    scenario = scenario_evening(seed)
    truth_file = truth or out.with_name(f"{out.name.split('.')[0]}.truth.json")
    events = write(out, tracked(events_of(scenario), "simulating"))
    try:
        truth_file.write_text(truth_json(scenario) + "\n")
    except OSError as error:
        raise SetupError(f"{truth_file}: {error.strerror}") from error
    incidents = [incident.as_truth() for incident in truth_of(scenario)]
    if as_json:
        print_json(
            {"simulation": True, "out": str(out), "truth": str(truth_file), "events": events, "incidents": incidents}
        )
        return
    print_table(
        ("from", "to", "incident", "what"), [(i["start"], i["end"], i["kind"], i["description"]) for i in incidents]
    )
    print(f"\n{events:,} simulated events in {out}, the truth in {truth_file}")
