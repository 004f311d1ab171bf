"""`livewarden entity`: everything about one shop, room, creator or measure, on one time line."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.act import Limit, Url
from cli.common import AsJson, load_settings, print_json, reading
from cli.show import clean, print_part, print_rows, when
from livewarden.errors import SetupError
from livewarden.harm import money
from livewarden.times import format_ms

if TYPE_CHECKING:
    from livewarden.harm import CutHarm
    from sinks.queries.entity import Happening, Span

_TOLD = (
    "state", "outcome", "reason", "action_type", "policy_id", "category", "verdict", "monitor", "status",
    "model_version", "queue_id", "channel", "complaint_type", "decision_id", "action_id",
)  # fmt: skip


def entity(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Id of a shop, room, creator, product or measure.")],
    limit: Limit = 200,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """One shop, room, creator, product or measure: measures with appeals and reversals, tickets, alerts, in one order.

    Traffic is summed up and not listed.

    Example: livewarden entity sim-shop-DE-0007 --json
    """
    spans, line, cost = asyncio.run(_found(id_, limit, url))
    if not spans and not line:
        raise SetupError(f"nothing is known of {clean(id_)!r}")
    if as_json:
        totals = [
            {"type": each.type, "events": each.events, "happenings": each.weight} | _times(each) for each in spans
        ]
        answer = {"totals": totals, "harm": asdict(cost), "timeline": [_plain(each) for each in line]}
        print_json({"id": id_} | answer)
        return
    rows = [(each.type, f"{each.events:,}", _short(each.first), _short(each.last)) for each in spans]
    print_rows("no event", ("what", "events", "first", "last"), rows, right=("events",))
    if cost.known:
        print_part(f"Harm of {cost.cuts:,} cut LIVEs: {cost.viewer_minutes:,.0f} viewer minutes{money(cost.gmv_minor)}")
        print(f"credited back, overturned: {cost.credited_minutes:,.0f}{money(cost.credited_minor)}")
    print_part("Time line" if len(line) < limit else f"Time line, the newest {limit:,}")
    print_rows("empty", ("at", "what", "details"), [(_short(each.at), each.type, _details(each)) for each in line])


async def _found(id_: str, limit: int, url: str | None) -> tuple[list[Span], list[Happening], CutHarm]:
    from sinks.queries import entity as queries
    from sinks.queries import harm

    async with reading(load_settings(), url) as reader:
        happened = await queries.timeline(reader, id_, limit=limit)
        alerts = await queries.alerts(reader, id_, limit=limit)
        line = sorted([*happened, *alerts], key=lambda each: (each.at, each.type, each.id))[-limit:]
        return await queries.totals(reader, id_), line, await harm.of_entity(reader, id_)


def _times(span: Span) -> dict[str, str]:
    return {"first": format_ms(span.first), "last": format_ms(span.last)}


def _plain(each: Happening) -> dict[str, Any]:
    return {"at": format_ms(each.at), "type": each.type, "id": each.id, "data": json.loads(each.data)}


def _short(ms: int) -> str:
    return when(ms)


def _details(each: Happening) -> str:
    data = json.loads(each.data)
    return " · ".join(str(data[name]) for name in _TOLD if data.get(name))
