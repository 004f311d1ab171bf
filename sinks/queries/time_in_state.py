"""How long cases stay in each state, from their history."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby

from livewarden.time_in_state import TimeInState, time_in_state
from sinks.store.reader import Reader

STATES = ("candidate", "triage", "open", "waiting", "escalated", "resolved")
"""Those that end, in the order in which a case goes through them."""
MOST_MOVES = 200_000


async def of_cases(reader: Reader, from_ms: int, now_ms: int) -> list[TimeInState]:
    """Each state that a case came into since `from_ms`; stays that last are counted until `now_ms`."""
    rows = await reader.select(
        "SELECT case_id, to_state, at FROM case_history FINAL WHERE to_state != '' AND from_state != to_state"
        " AND at < fromUnixTimestamp64Milli({now:Int64}, 'UTC')"
        f" ORDER BY case_id, number LIMIT {MOST_MOVES}",
        {"now": now_ms},
    )
    over, lasting = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for _, of_case in groupby(rows, key=lambda row: row["case_id"]):
        moves = [(row["to_state"], row["at"]) for row in of_case]
        for (state, since), (_, until) in zip(moves, [*moves[1:], ("", None)], strict=True):
            if since >= from_ms and until is None:
                lasting[state].append(now_ms - since)
            elif since >= from_ms:
                over[state].append(max(0, until - since))
    return [time_in_state(each, over[each], lasting[each]) for each in STATES if over[each] or lasting[each]]
