"""What an export asks ClickHouse: columns, conditions with bound values, order,
each column in the form that a file takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from livewarden.errors import SetupError
from livewarden.times import parse_ms
from sinks.store.document import Column, Relation

Form = Literal["csv", "jsonl", "parquet", "xlsx"]
Kind = Literal["text", "time", "whole", "number", "bytes", "texts", "map", "nested"]
"""How a column is treated, whatever its exact type."""

NOT_EXPORTED: Final = frozenset({"manifest", "state", "schema_migrations"})
"""Tables that are no matter of analysis."""
EVERY_RUN: Final = "*"

_TIMES: Final[Mapping[str, str]] = {
    "events": "event_time",
    "dead_letters": "recorded_at",
    **dict.fromkeys(("partials", "judgements", "series_history", "traffic_samples"), "window_start"),
    **dict.fromkeys(("alerts", "alerts_now", "alerts_history", "alert_explanations"), "window_start"),
    **dict.fromkeys(("case_candidates", "cases_now"), "started_at"),
    **dict.fromkeys(("incidents", "incidents_now", "incidents_history"), "opened_at"),
    **dict.fromkeys(("cases", "case_tracker", "notifications"), "created_at"),
    **dict.fromkeys(("dispositions", "why_not_paged", "case_history", "actions", "feedback"), "at"),
    **dict.fromkeys(("ingest_by_hour", "dead_letters_by_reason"), "hour"),
    "silences": "starts_at",
    "tracker_exports": "at",
    "update_facts": "made_at",
    "feedback_tickets": "opened_at",
    **dict.fromkeys(("feedback_themes", "patterns", "recommendations"), "at"),
    "library_entries": "added_at",
    "articles": "published_at",
    "channels": "since",
    "enforcement_actions": "decided_at",
    "measure_outcomes": "informed_at",
    "complaint_watch": "submitted_at",
    "misjudgement_readings": "day",
    "health_alerts": "since",
    "canaries": "sent_at",
    **dict.fromkeys(("workers", "log_positions"), "seen_at"),
}
"""The time by which each is cut. A relation without one has no time."""
_TIE: Final = frozenset(
    {"run", "monitor", "topic", "partition", "offset", "number", "version", "reason", "channel", "type"}
)
_RISKY: Final = ", ".join(rf"'{each}'" for each in ("=", "+", "-", "@", r"\t", r"\r", r"\n", "＝", "＋", "－", "＠"))


@dataclass(frozen=True)
class Export:
    """What to export of a relation. No column named means all. [from, to) is on the relation's own time.

    `where` has accepted values by column, or by `map.key`; an empty text stands for none, so `owner: [""]` is what
    nobody owns. `run`: of the rows of which run, where there are runs; `EVERY_RUN` for all. Oldest first; with a limit
    the newest, newest first.
    """

    relation: Relation
    columns: Sequence[str] = ()
    where: Mapping[str, Sequence[str]] | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    run: str = "live"
    limit: int | None = None

    def chosen(self) -> list[Column]:
        """The columns in the order asked for; SetupError where there is none of a name, or one twice."""
        known = {each.name: each for each in self.relation.columns}
        if len(set(self.columns)) < len(self.columns):
            raise SetupError("--columns: a column is named twice")
        return [_known(self.relation, name, "--columns") for name in self.columns] or list(known.values())

    def statement(self, form: Form) -> tuple[str, dict[str, Any]]:
        """The query and its values; SetupError where the relation has no such column or time."""
        columns = ", ".join(f"{_shown(each, form)} AS `{each.name}`" for each in self.chosen())
        rows, values = self._rows()
        down = "" if self.limit is None else " DESC"
        order = ", ".join(f"t.`{name}`{down}" for name in self._order())
        limit = "" if self.limit is None else f" LIMIT {int(self.limit)}"
        return f"SELECT {columns} {rows}{f' ORDER BY {order}' if order else ''}{limit}", values

    def count(self) -> tuple[str, dict[str, Any]]:
        """How many rows that is, as `rows`."""
        rows, values = self._rows()
        within = "" if self.limit is None else f" LIMIT {int(self.limit)}"
        return f"SELECT count() AS rows FROM (SELECT 1 {rows}{within})", values

    def _rows(self) -> tuple[str, dict[str, Any]]:
        parts, values = ["1"], dict[str, Any]()
        names = {each.name for each in self.relation.columns}
        where = dict(self.where or {})
        if "run" in names and self.run != EVERY_RUN and "run" not in where:
            where["run"] = [self.run]
        for number, (name, accepted) in enumerate(where.items()):
            condition, bound = _condition(self.relation, name, list(accepted), number)
            parts.append(condition)
            values |= bound
        for word, sign, at in (("from", ">=", self.from_ms), ("to", "<", self.to_ms)):
            if at is not None:
                if (time := time_of(self.relation)) is None:
                    raise SetupError(f"--{word}: {self.relation.name} has no time to cut by")
                parts.append(f"t.`{time}` {sign} fromUnixTimestamp64Milli({{{word}:Int64}}, 'UTC')")
                values[word] = at
        final = "" if self.relation.view else " FINAL"
        return f"FROM `{self.relation.name}` AS t{final} WHERE {' AND '.join(parts)}", values

    def _order(self) -> list[str]:
        time = time_of(self.relation)
        others = (e.name for e in self.relation.columns if e.name in _TIE or e.name.endswith(("_id", "_key")))
        return ([] if time is None else [time]) + sorted(others)


def time_of(relation: Relation) -> str | None:
    """The column by which a relation is cut in time; None where it has no time."""
    return _TIMES.get(relation.name)


def exported(known: Mapping[str, Relation]) -> list[str]:
    """What can be exported: views, then tables, by name."""
    fit = [each for each in known.values() if each.name not in NOT_EXPORTED]
    return [each.name for each in sorted(fit, key=lambda each: (not each.view, each.name))]


def kind_of(type_: str) -> Kind:
    """How a column of that type is treated.

    >>> kind_of("LowCardinality(String)"), kind_of("Nullable(DateTime64(3, 'UTC'))"), kind_of("UInt64")
    ('text', 'time', 'whole')
    """
    bare = re.sub(r"^(?:LowCardinality|Nullable)\((.*)\)$", r"\1", type_)
    if bare != type_:
        return kind_of(bare)
    if bare == "String":
        return "text"
    if bare.startswith("FixedString"):
        return "bytes"
    if bare.startswith("DateTime"):
        return "time"
    if re.fullmatch(r"U?Int\d+|Bool", bare):
        return "whole"
    if bare.startswith(("Float", "Decimal")):
        return "number"
    if re.fullmatch(r"Array\((?:LowCardinality\()?String\)?\)", bare):
        return "texts"
    return "map" if re.fullmatch(r"Map\((?:LowCardinality\()?String\)?, String\)", bare) else "nested"


def _known(relation: Relation, name: str, option: str) -> Column:
    found = next((each for each in relation.columns if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in relation.columns)
        raise SetupError(f"{option}: {relation.name} has no column {name!r}, only {names}")
    return found


_FIRST_MS = parse_ms("1900-01-01T00:00:00Z")
_LAST_MS = parse_ms("9999-12-31T23:59:59.999Z")
"""Instants that ClickHouse writes as a date; beyond them it would write the nearest,
so these are written in milliseconds.
"""


def _shown(column: Column, form: Form) -> str:
    """The expression of a column in a file. Parquet keeps types; what it and JSON call text must be UTF-8.

    CSV has an empty cell where there is no value, which ClickHouse writes only for texts.
    """
    shown = _in_form(column, form)
    if form == "csv" and "Nullable(" in column.type and kind_of(column.type) in ("text", "time", "whole", "number"):
        return f"ifNull(toString({shown}), '')"
    return shown


def _in_form(column: Column, form: Form) -> str:
    name, kind = f"t.`{column.name}`", kind_of(column.type)
    if kind == "text":
        text = f"toValidUTF8({name})"
        return f"if(leftUTF8({text}, 1) IN ({_RISKY}), concat('\\'', {text}), {text})" if form == "csv" else text
    if kind == "bytes":
        return f"lower(hex({name}))"
    if kind == "time" and form in ("csv", "jsonl"):
        text = f"concat(replaceOne(toString({name}, 'UTC'), ' ', 'T'), 'Z')"
        if column.type.find("DateTime64(3") < 0:
            return text
        ms = f"toUnixTimestamp64Milli({name})"
        return f"if({ms} BETWEEN {_FIRST_MS} AND {_LAST_MS}, {text}, toString({ms}))"
    if kind == "time" and form == "xlsx":
        return f"toUnixTimestamp64Milli(toDateTime64({name}, 3, 'UTC'))"
    if kind in ("texts", "map", "nested") and form in ("csv", "xlsx"):
        return f"toJSONString({name})"
    return name


def _condition(relation: Relation, asked: str, accepted: list[str], number: int) -> tuple[str, dict[str, Any]]:
    name, dot, key = asked.partition(".")
    column = _known(relation, name, "--where")
    kind, place, bound = kind_of(column.type), f"t.`{name}`", f"w{number}"
    if bool(dot) != (kind == "map"):
        wanted = f"{name}.KEY=VALUE" if kind == "map" else f"{name}=VALUE"
        raise SetupError(f"--where: {name} is a {column.type}: write {wanted}")
    if kind == "map":
        return f"{place}[{{k{number}:String}}] IN {{{bound}:Array(String)}}", {f"k{number}": key, bound: accepted}
    if kind == "texts":
        return f"hasAny({place}, {{{bound}:Array(String)}})", {bound: accepted}
    if kind == "text":
        return f"ifNull({place}, '') IN {{{bound}:Array(String)}}", {bound: accepted}
    if kind in ("nested", "bytes"):
        raise SetupError(f"--where: {name} is a {column.type}, which is not compared")
    nothing = f"isNull({place}) OR " if "" in accepted else ""
    try:
        if kind == "time":
            instants = [parse_ms(text if "T" in text else f"{text}T00:00:00Z") for text in accepted if text]
            shown, type_, given = (
                f"toUnixTimestamp64Milli(toDateTime64({place}, 3, 'UTC'))",
                "Int64",
                list[Any](instants),
            )
        elif kind == "whole":
            shown, type_, given = f"toString({place})", "String", [str(int(text)) for text in accepted if text]
        else:
            shown, type_, given = place, "Float64", [float(text) for text in accepted if text]
    except ValueError as error:
        raise SetupError(f"--where: {asked}={next(filter(None, accepted))}: {name} is a {column.type}") from error
    return f"({nothing}ifNull({shown} IN {{{bound}:Array({type_})}}, 0))", {bound: given}
