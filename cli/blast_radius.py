"""`livewarden blast-radius`: what else a confirmed error hit."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import Url, whole
from cli.common import AsJson, load_settings, moment, print_json, reading
from cli.show import print_facts
from livewarden.errors import SetupError
from livewarden.times import format_ms

if TYPE_CHECKING:
    from sinks.queries.blast_radius import Sibling, Slice


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

    Example: livewarden blast-radius 27c4b1f0 --where model_version=7.2.0 --out siblings.csv
    """
    case_id, slices, found = asyncio.run(_siblings(case, where or [], since, until, url))
    radius = _radius(case_id, slices, found, _verdicts(reviewed) if reviewed else {})
    if out:
        _write(out, radius["order"], found)
    if as_json:
        print_json(radius)
        return
    wrong = radius["wrong"]
    print_facts(
        [
            ("case", case_id),
            ("slices", "; ".join(f"{each['where']} from {each['from']} to {each['to']}" for each in radius["slices"])),
            ("siblings", f"{radius['siblings']:,} measures of {radius['shops']:,} shops"),
            ("taken back", ", ".join(f"{number:,} {name}" for name, number in radius["reversed"].items()) or "none"),
            ("reviewed", f"{radius['reviewed']:,}, {radius['found_wrong']:,} of them wrong"),
            ("wrong", f"{wrong[0]:,.0f} (95 %: {wrong[1]:,.0f} to {wrong[2]:,.0f})"),
            ("verdict", radius["verdict"]),
            ("review next", ", ".join(radius["next"])),
        ]
    )


def _radius(case_id: str, slices: list[Slice], found: list[Sibling], verdicts: dict[str, str]) -> dict[str, Any]:
    from models.misjudgement.blast_radius import extent, review_order

    standing = [each.action_id for each in found if not each.reversal]
    order = review_order(case_id, standing)
    done = 0
    while done < len(order) and order[done] in verdicts:
        done += 1
    wrong = sum(verdicts[each] == "WRONG" for each in order[:done])
    reach = extent(len(order), done, wrong)
    return {
        "case": case_id,
        "slices": [
            {"where": dict(each.series), "from": format_ms(each.from_ms), "to": format_ms(each.to_ms)}
            for each in slices
        ],
        "siblings": len(found),
        "shops": len({each.shop_id for each in found if each.shop_id}),
        "reversed": dict(sorted(Counter(each.reversal for each in found if each.reversal).items())),
        "standing": len(order),
        "reviewed": done,
        "skipped": len(verdicts.keys() & set(order)) - done,
        "found_wrong": wrong,
        "wrong": [round(each, 2) for each in reach.wrong],
        "verdict": reach.verdict,
        "next": order[done : done + 5],
        "order": order,
    }


async def _siblings(
    case: str, where: list[str], since: str | None, until: str | None, url: str | None
) -> tuple[str, list[Slice], list[Sibling]]:
    from dataclasses import replace

    from sinks.queries import blast_radius as queries

    more = {}
    for each in where:
        name, is_one, value = each.partition("=")
        if not is_one or name not in queries.DIMENSIONS:
            raise SetupError(f"--where {each!r}: NAME=VALUE, NAME one of {', '.join(queries.DIMENSIONS)}")
        more[name] = value
    first, last = moment(since, "--from"), moment(until, "--to")
    async with reading(load_settings(), url) as reader:
        case_id = await whole(reader, "case", case)
        slices = [
            replace(
                each,
                series={**each.series, **more},
                from_ms=each.from_ms if first is None else first,
                to_ms=each.to_ms if last is None else last,
            )
            for each in await queries.slices_of(reader, case_id, named=bool(more))
        ]
        return case_id, slices, await queries.siblings(reader, slices)


def _verdicts(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["action_id"]: row["verdict"] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise SetupError(f"{path}: needs the columns action_id and verdict ({error})") from error
    if wrong := sorted(set(rows.values()) - {"RIGHT", "WRONG"}):
        raise SetupError(f"{path}: {wrong[0]!r} is no verdict: RIGHT or WRONG")
    return rows


def _write(path: Path, order: list[str], found: list[Sibling]) -> None:
    shops = {each.action_id: each.shop_id for each in found}
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("number", "action_id", "shop_id"))
            writer.writerows((number, each, shops[each]) for number, each in enumerate(order, start=1))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
