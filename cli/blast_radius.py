"""`livewarden blast-radius`: what else a confirmed error hit."""

from __future__ import annotations

import asyncio
import csv
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.act import Url, whole
from cli.common import AsJson, load_settings, moment, print_json, reading
from cli.show import print_facts
from livewarden.blast_radius import BlastRadius, review_list
from livewarden.errors import SetupError
from livewarden.harm import CutHarm, money
from livewarden.times import format_ms


def blast_radius(
    case: Annotated[str, typer.Argument(metavar="CASE", help="Id of the case; its beginning is enough.")],
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="NAME=VALUE", help="Narrow the slice, such as rule_id=r-118.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="From this time on, instead of the case's start.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this time, instead of the case's end.")] = None,
    reviewed: Annotated[
        Path | None, typer.Option("--reviewed", help="CSV with action_id and verdict (RIGHT, WRONG), in any order.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="CSV of all siblings in the order of their review.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """The siblings of a wrong measure: how many, whose, and how many of them are wrong, from as few reviews as it
    takes.

    The slice and window are those of the case's alerts. Siblings are reviewed in an order that SHA-256 makes of case
    and id; after every review the answer may be read: contained, widespread (review all of them again), or go on.
    What people said in the console or with `livewarden case review` counts, and what stands in --reviewed.

    Example: livewarden blast-radius 27c4b1f0 --where model_version=7.2.0 --out siblings.csv
    """
    found, cost = asyncio.run(_found(case, where or [], since, until, _verdicts(reviewed) if reviewed else {}, url))
    if out:
        _write(out, found)
    if as_json:
        print_json(_plain(found) | {"harm": asdict(cost)})
        return
    print_facts(
        [
            ("case", found.case_id),
            (
                "slices",
                "; ".join(
                    f"{dict(each.series)} from {format_ms(each.from_ms)} to {format_ms(each.to_ms)}"
                    for each in found.slices
                ),
            ),
            ("siblings", f"{len(found.siblings):,} measures of {found.shops:,} shops"),
            ("taken back", ", ".join(f"{number:,} {name}" for name, number in found.reversed.items()) or "none"),
            ("reviewed", f"{found.reviewed:,}, {found.found_wrong:,} of them wrong"),
            ("wrong", f"{found.wrong[0]:,.0f} (95 %: {found.wrong[1]:,.0f} to {found.wrong[2]:,.0f})"),
            ("cut LIVEs", f"{cost.cuts:,}, {cost.viewer_minutes:,.0f} viewer minutes{money(cost.gmv_minor)}"),
            ("verdict", found.verdict),
            ("review next", ", ".join(found.waiting[:5])),
        ]
    )


def _plain(found: BlastRadius) -> dict[str, Any]:
    order = list(found.order)
    return {
        "case": found.case_id,
        "slices": [
            {"where": dict(each.series), "from": format_ms(each.from_ms), "to": format_ms(each.to_ms)}
            for each in found.slices
        ],
        "siblings": len(found.siblings),
        "shops": found.shops,
        "reversed": found.reversed,
        "standing": len(order),
        "reviewed": found.reviewed,
        "skipped": len(found.verdicts.keys() & set(order)) - found.reviewed,
        "found_wrong": found.found_wrong,
        "wrong": [round(each, 2) for each in found.wrong],
        "verdict": found.verdict,
        "next": found.waiting[:5],
        "order": order,
    }


async def _found(
    case: str, where: list[str], since: str | None, until: str | None, said: dict[str, str], url: str | None
) -> tuple[BlastRadius, CutHarm]:
    from cli.radius import StoredRadius
    from sinks.queries import harm
    from sinks.queries.blast_radius import DIMENSIONS

    more = {}
    for each in where:
        name, is_one, value = each.partition("=")
        if not is_one or name not in DIMENSIONS:
            raise SetupError(f"--where {each!r}: NAME=VALUE, NAME one of {', '.join(DIMENSIONS)}")
        more[name] = value
    first, last = moment(since, "--from"), moment(until, "--to")
    async with reading(load_settings(), url) as reader:
        found = await StoredRadius(reader)(await whole(reader, "case", case), more, first, last, said)
        return found, await harm.of_radius(reader, found)


def _verdicts(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["action_id"]: row["verdict"] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: needs the columns action_id and verdict ({error})") from error
    if wrong := sorted(set(rows.values()) - {"RIGHT", "WRONG"}):
        raise SetupError(f"{path}: {wrong[0]!r} is no verdict: RIGHT or WRONG")
    return rows


def _write(path: Path, found: BlastRadius) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(review_list(found))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
