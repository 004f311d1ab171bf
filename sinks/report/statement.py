"""A structured problem statement: what merchants say is wrong; every field is a query, or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from livewarden.times import DAY_MS
from sinks.present import wording
from sinks.queries import feedback
from sinks.queries.feedback import Place, StoredTicket
from sinks.report.facts import many, moment
from sinks.report.page import UNKNOWN, Report, Section, known
from sinks.store.reader import Reader

CHANGES_WITHIN_MS: Final = 3 * DAY_MS


async def problem_statement(reader: Reader, theme: str, name: str, from_ms: int, to_ms: int, *, now_ms: int) -> Report:
    """What was written about a theme from `from_ms` to `to_ms`, against as long a time before."""
    written = await feedback.tickets(reader, from_ms, to_ms, theme=theme)
    before = await feedback.tickets(reader, 2 * from_ms - to_ms, from_ms, theme=theme)
    taken = sum((await feedback.measures(reader, from_ms, to_ms, DAY_MS)).values())
    earlier = sum((await feedback.measures(reader, 2 * from_ms - to_ms, from_ms, DAY_MS)).values())
    first = written[0].opened_at if written else None
    near = await feedback.changes_before(reader, first, CHANGES_WITHIN_MS) if first is not None else []
    where = [
        (part, await feedback.places(reader, theme, from_ms, to_ms, part)) for part in ("queue", "policy", "model")
    ]
    appealed, reversed_ = await feedback.appeals(reader, theme, from_ms, to_ms)
    named = sum(bool(each.action_id) for each in written)
    cases = await feedback.cases_of(reader, theme, from_ms, to_ms)
    markets = sorted({each.market or UNKNOWN for each in written})
    shops = len({each.shop_id for each in written})
    changes = [f"{known(each['change_id'])} ({known(each['target'])}) at {moment(each['at'])}" for each in near]
    return Report(
        "Problem statement",
        name,
        f"Tickets from {moment(from_ms)} to {moment(to_ms)}, as of {moment(now_ms)}. Each field is a query or unknown.",
        [
            Section("Who", [("shops", f"{shops:,}"), ("markets", ", ".join(markets) or UNKNOWN)]),
            Section("What", [("theme", f"{name} ({theme})")], _phrases(written)),
            Section(
                "Since when",
                [("first ticket", moment(first)), ("changes shortly before", "; ".join(changes) or UNKNOWN)],
            ),
            Section("How much", [("now", _rate(len(written), taken)), ("as long before", _rate(len(before), earlier))]),
            Section("Where", [(part, _place(found)) for part, found in where]),
            Section(
                "Cost",
                [
                    ("measures named", f"{named:,}"),
                    ("of these appealed against", f"{appealed:,}" if named else UNKNOWN),
                    ("of these taken back", f"{reversed_:,}" if named else UNKNOWN),
                    ("sales and LIVE minutes lost", UNKNOWN),
                ],
            ),
            Section("Answered", [("tickets", _answered(written))]),
            Section("Already known", [("cases", ", ".join(cases) or UNKNOWN)]),
            Section("Asked of whom", [("team", UNKNOWN), ("done when", UNKNOWN)]),
        ],
    )


def _phrases(written: Sequence[StoredTicket]) -> list[str]:
    """Three texts of different shops that are most like the theme, and the one that is least."""
    best = sorted(written, key=lambda each: (-each.similarity, each.ticket_id))
    shops, chosen = set[str](), list[StoredTicket]()
    for each in best:
        if each.shop_id not in shops and each.text not in {other.text for other in chosen} and len(chosen) < 3:
            shops.add(each.shop_id)
            chosen.append(each)
    lines = [f"“{known(each.text)}”" for each in chosen]
    least = best[-1] if len(best) > len(chosen) else None
    return [*lines, f"Least like it: “{known(least.text)}”"] if least else lines


def _rate(tickets: int, measures: int) -> str:
    rate = f"{1_000 * tickets / measures:.2g} per 1,000 measures" if measures else f"per 1,000 measures: {UNKNOWN}"
    return f"{many(tickets, 'ticket')}, {rate}"


def _place(found: Sequence[Place]) -> str:
    return (
        "; ".join(
            f"{each.value or UNKNOWN}: {each.hit:,} of {each.of:,} (of all measures {each.usual:.0%})" for each in found
        )
        or UNKNOWN
    )


def _answered(written: Sequence[StoredTicket]) -> str:
    waits = sorted(each.answered_at - each.opened_at for each in written if each.answered_at is not None)
    if not waits:
        return f"none of {len(written):,}, or it is {UNKNOWN}"
    return (
        f"{len(waits):,} of {len(written):,}, half of these within {wording.duration(max(0, waits[len(waits) // 2]))}"
    )
