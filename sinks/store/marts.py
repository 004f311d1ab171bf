"""The marts in one definition: facts, their keys and sums, and metrics over them.

The views of migration 0015 hold them; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DIMENSIONS: Final[Mapping[str, str]] = {
    "date": "Day, UTC; 1970-01-01 where not known, or not from 2020 to 2049",
    "market": "Market; unknown where not known",
    "policy": "Policy that was broken; unknown where not known",
    "queue": "Review queue; unknown where not known",
    "model": "Model with its version; unknown where not known",
    "monitor": "Monitor; of several the first",
    "shop": "Shop, opaque; unknown where not known",
}
"""By name; `dim_<name>` has them under `<name>_key`."""
CELL: Final = ("date", "market", "policy", "queue", "model")


@dataclass(frozen=True)
class FactView:
    """A fact table: what one row is, the columns that identify it, its dimensions, labels, and what can be added up."""

    name: str
    grain: str
    key: Sequence[str]
    dimensions: Sequence[str]
    labels: Mapping[str, str]
    sums: Mapping[str, str]

    @property
    def columns(self) -> dict[str, str]:
        """Every column with its sentence."""
        keys = {f"{name}_key": DIMENSIONS[name] for name in self.dimensions}
        own = {name: f"Identifies the row: {self.grain}" for name in self.key if name not in {**keys, **self.labels}}
        return {**own, **keys, **self.labels, **self.sums}


@dataclass(frozen=True)
class MartMetric:
    """A number of a fact: the sum of a column, or of several over the sum of another."""

    name: str
    fact: str
    over: Sequence[str]
    under: str | None
    meaning: str

    @property
    def expression(self) -> str:
        """It as SQL over the fact, by its name.

        >>> METRICS["overturned_share"].expression
        'SUM(fact_measure.appeals_granted + fact_measure.corrected) / NULLIF(SUM(fact_measure.measures), 0)'
        """
        top = f"SUM({' + '.join(f'{self.fact}.{name}' for name in self.over)})"
        return f"{top} / NULLIF(SUM({self.fact}.{self.under}), 0)" if self.under else top


FACTS: Final[Mapping[str, FactView]] = {
    each.name: each
    for each in (
        FactView(
            "fact_measure",
            "one measure",
            ("measure_key",),
            (*CELL, "shop"),
            {"automation": "Who decided: AUTOMATED, HUMAN or HYBRID"},
            {
                "measures": "Measures it stands for",
                "appealed": "Those appealed against so far",
                "upheld": "Those that an appeal left standing",
                "appeals_granted": "Those taken back on appeal",
                "corrected": "Those taken back as errors without one",
                "reversed_otherwise": "Those taken back for another reason: a bulk rollback, a changed policy, a court",
            },
        ),
        FactView(
            "fact_reversal_cohort",
            "one day, cell, outcome and age",
            ("date_key", "market_key", "policy_key", "queue_key", "model_key", "automation", "outcome", "age_days"),
            CELL,
            {
                "automation": "Who decided: AUTOMATED, HUMAN or HYBRID",
                "outcome": "measures (all of the cohort), appealed, upheld, or the class of the reversal",
                "age_days": "Whole days from that day to the outcome; 0 of measures",
            },
            {"measures": "Measures that had the outcome; add up one outcome only"},
        ),
        FactView(
            "fact_appeal",
            "one appeal",
            ("appeal_key",),
            (*CELL, "shop"),
            {"channel": "How it came in", "complaint_type": "What it is against, as transparency reports count it"},
            {
                "appeals": "1",
                "decided": "1 where it was decided",
                "waiting": "1 while it is neither decided nor dropped",
                "granted": "1 where the measure was taken back, all or in part",
                "automated": "1 where it was decided without a person",
                "implausibly_fast": "1 where a person decided within a minute",
                "seconds_to_decide": "From submission to decision; 0 where there is none",
            },
        ),
        FactView(
            "fact_alert",
            "one live alert",
            ("alert_key",),
            ("date", "market", "policy", "monitor"),
            {"kind": "What deviates", "severity": "info, warning or critical"},
            {
                "alerts": "1",
                "notified": "1 where somebody was notified of it by itself",
                "kept_back_by_detection": "1 where detection itself kept it back",
                "judged_true": "1 where somebody judged it true",
                "judged_expected": "1 where somebody judged it expected",
                "judged_false": "1 where somebody judged it false",
            },
        ),
        FactView(
            "fact_incident",
            "one incident",
            ("incident_key",),
            ("date", "monitor"),
            {"severity": "info, warning or critical", "status": "firing, acknowledged or resolved"},
            {
                "incidents": "1",
                "with_notification": "1 where somebody was notified",
                "notifications": "How often somebody was notified",
                "acknowledged": "1 where somebody acknowledged it",
                "resolved": "1 where it is over",
                "seconds_to_acknowledge": "From its opening; 0 where nobody did",
                "seconds_to_resolve": "From its opening; 0 where it is not over",
            },
        ),
        FactView(
            "fact_case_transition",
            "one line of a case's history",
            ("transition_key",),
            ("date",),
            {
                "case_id": "The case",
                "what": "What happened: created, moved, assigned, noted …",
                "from_state": "State before",
                "to_state": "State after",
                "resolution": "How it ended, where this line ended it",
            },
            {
                "entries": "1",
                "transitions": "1 where the state changed",
                "cases_created": "1 where the case came up",
                "cases_ended": "1 where it was resolved or dismissed",
            },
        ),
        FactView(
            "fact_review",
            "one second look at a measure",
            ("review_key",),
            CELL,
            {"sample": "Quality sample that the measure was drawn into"},
            {
                "reviews": "1",
                "judged_right": "1 where the measure was judged right",
                "judged_wrong": "1 where it was judged wrong",
                "judged_unclear": "1 where it could not be said",
                "golden": "1 where the right verdict was known beforehand",
            },
        ),
        FactView(
            "fact_ticket",
            "one imported ticket",
            ("ticket_key",),
            (*CELL, "shop"),
            {"theme": "What it is about; unknown where no theme fits", "language": "Language it is written in"},
            {
                "tickets": "1",
                "answered": "1 where it was answered",
                "seconds_to_answer": "From its opening; 0 where it was not answered",
            },
        ),
    )
}
METRICS: Final[Mapping[str, MartMetric]] = {
    each.name: each
    for each in (
        MartMetric("measures", "fact_measure", ("measures",), None, "Measures taken"),
        MartMetric("appeals", "fact_appeal", ("appeals",), None, "Appeals submitted"),
        MartMetric(
            "appeal_share", "fact_measure", ("appealed",), "measures", "Share of measures appealed against so far"
        ),
        MartMetric(
            "overturned_share",
            "fact_measure",
            ("appeals_granted", "corrected"),
            "measures",
            "Share of measures taken back as wrong so far; young days look better than they are",
        ),
        MartMetric(
            "granted_share", "fact_appeal", ("granted",), "decided", "Share of decided appeals that were granted"
        ),
        MartMetric(
            "seconds_to_decide", "fact_appeal", ("seconds_to_decide",), "decided", "Mean time to decide an appeal"
        ),
        MartMetric("alerts", "fact_alert", ("alerts",), None, "Live alerts, kept back ones too"),
        MartMetric("notified_share", "fact_alert", ("notified",), "alerts", "Share of alerts that called somebody"),
        MartMetric("incidents", "fact_incident", ("incidents",), None, "Incidents opened"),
        MartMetric(
            "seconds_to_acknowledge",
            "fact_incident",
            ("seconds_to_acknowledge",),
            "acknowledged",
            "Mean time until somebody acknowledged an incident",
        ),
        MartMetric("cases_created", "fact_case_transition", ("cases_created",), None, "Cases that came up"),
        MartMetric("cases_ended", "fact_case_transition", ("cases_ended",), None, "Cases resolved or dismissed"),
        MartMetric("wrong_share", "fact_review", ("judged_wrong",), "reviews", "Share of second looks that said wrong"),
        MartMetric("tickets", "fact_ticket", ("tickets",), None, "Imported tickets of merchants"),
        MartMetric("answered_share", "fact_ticket", ("answered",), "tickets", "Share of tickets that were answered"),
    )
}
DATE_COLUMNS: Final[Mapping[str, str]] = {
    "date_key": "The day, UTC; 1970-01-01 stands for one that is not known",
    "day": "The day as text, or unknown",
    "iso_year": "Year of its ISO week",
    "iso_week": "ISO week, 1 to 53",
    "year": "Year",
    "quarter": "Quarter, 1 to 4",
    "month": "Month, 1 to 12",
    "weekday": "1 is Monday",
    "weekend": "1 on Saturday and Sunday",
}


def sentences() -> dict[str, dict[str, str]]:
    """What each column of each mart is, by view."""
    found = {each.name: each.columns for each in FACTS.values()} | {"dim_date": dict(DATE_COLUMNS)}
    return found | {f"dim_{name}": {f"{name}_key": text} for name, text in DIMENSIONS.items() if name != "date"}


def examples() -> dict[str, tuple[str, str]]:
    """For each mart the question that it answers and a query."""
    found = {}
    for fact in FACTS.values():
        dimension = fact.dimensions[-1] if len(fact.dimensions) > 1 else "date"
        first = next(iter(fact.sums))
        where = "WHERE outcome = 'measures'\n" if fact.name == "fact_reversal_cohort" else ""
        found[fact.name] = (
            f"How many {first} by {dimension}?",
            f"SELECT d.{dimension}_key, sum(f.{first}) AS {first}\nFROM {fact.name} AS f\n"
            f"JOIN dim_{dimension} AS d ON d.{dimension}_key = f.{dimension}_key\n{where}"
            f"GROUP BY d.{dimension}_key\nORDER BY {first} DESC",
        )
    for name in DIMENSIONS:
        found[f"dim_{name}"] = (f"Which members does it have: {name}?", f"SELECT count() AS members FROM dim_{name}")
    return found
