"""Articles as they are stored, the links of cases to them, and what they are held against."""

from __future__ import annotations

from dataclasses import dataclass

from livewarden.errors import SetupError
from sinks.queries import blast_radius, cases
from sinks.store.reader import Reader
from sinks.store.records import Moment, TableRow


class ArticleRecord(TableRow):
    """One version of an article."""

    TABLE = "articles"
    article_id: str
    version: int
    kind: str
    title: str
    owner: str
    applies_to: list[str]
    policy: str
    review: Moment
    body: str
    published_by: str
    published_at: Moment


@dataclass(frozen=True, slots=True)
class PlaybookLink:
    """A link of a case to a playbook: name@version, whether it helped, when, and whether the case is over."""

    case_id: str
    ref: str
    outcome: str
    at: str
    closed: bool


async def everything(reader: Reader) -> list[ArticleRecord]:
    """Every version, by name."""
    return await reader.find(
        ArticleRecord, f"SELECT {ArticleRecord.columns()} FROM articles FINAL ORDER BY article_id, version"
    )


async def links(reader: Reader) -> list[PlaybookLink]:
    """All links of cases to playbooks; those of a merged case left out: the case that took it over counts."""
    rows = await reader.select(
        "SELECT case_id, links, state FROM cases FINAL WHERE state != 'merged' AND position(links, 'playbook') > 0"
    )
    return [
        PlaybookLink(
            row["case_id"],
            str(each.get("ref")),
            str(each.get("outcome") or ""),
            str(each.get("at") or "1970-01-01T00:00:00Z"),
            row["state"] in ("closed", "dismissed"),
        )
        for row in rows
        for each in cases.listed(row["links"])
        if each.get("kind") == "playbook"
    ]


async def closed_cases(reader: Reader) -> int:
    """How many cases are over."""
    rows = await reader.select("SELECT count() AS n FROM cases FINAL WHERE state IN ('closed', 'dismissed')")
    return int(rows[0]["n"])


async def in_force(reader: Reader, now_ms: int) -> dict[str, str]:
    """The version of each policy that the ledger last put into force."""
    rows = await reader.select(
        "SELECT JSONExtractString(data, 'target') AS policy,"
        " argMax(JSONExtractString(data, 'to_version'), event_time) AS version FROM events FINAL"
        " WHERE type = 'platform.change' AND JSONExtractString(data, 'kind') IN ('POLICY_ROLLOUT', 'RULE_CHANGE')"
        " AND JSONExtractString(data, 'phase') != 'ANNOUNCED' AND JSONExtractString(data, 'to_version') != ''"
        " AND event_time <= fromUnixTimestamp64Milli({now:Int64}, 'UTC') GROUP BY policy",
        {"now": now_ms},
    )
    return {row["policy"]: row["version"] for row in rows}


async def shops_in(reader: Reader, case_ids: list[str]) -> set[str]:
    """The shops that the measures of these cases hit."""
    found: set[str] = set()
    for each in case_ids:
        try:
            slices = await blast_radius.slices_of(reader, each)
        except SetupError:  # its alerts do not say which measures are meant
            continue
        found |= {sibling.shop_id for sibling in await blast_radius.siblings(reader, slices) if sibling.shop_id}
    return found
