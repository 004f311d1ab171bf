"""Measures and what came of them, joined by measure: whichever event comes first, and however far apart they are.

For recordings and tests; over a store, ClickHouse does the same join (the view `measure_outcomes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from livewarden.contracts import AppealLifecycle, Contract, EnforcementAction, EnforcementReversed
from livewarden.times import DAY_MS, to_ms
from models.misjudgement.cell import Cell
from models.misjudgement.cohorts import APPEALED, MEASURES, UPHELD, CohortRow, Cohorts
from models.misjudgement.reversal import Reversal, kind_of

_IN_FORCE = (None, "ENFORCED")


@dataclass(frozen=True, slots=True, order=True)
class Measure:
    """A measure: when the one concerned was informed (ages count from then), its cell, and how many it stands for."""

    informed_ms: int
    cell: Cell
    weight: int = 1


@dataclass
class Joined:
    """What is known of every measure so far. Events may repeat and come in any order: the earliest of each kind counts.

    Bad at: a store of 100 million measures, which it would hold in memory (about 1 kB each).

    >>> from datetime import UTC, datetime
    >>> decided, later = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
    >>> joined = Joined()
    >>> joined.add(EnforcementReversed(action_id="a1", reason="MODEL_ERROR", at=later))
    >>> joined.add(EnforcementAction(action_id="a1", decided_at=decided, policy_id="p"))
    >>> [(row.age, row.outcome) for row in joined.cohorts().rows()]
    [(0, 'measures'), (3, 'proactive_correction')]
    """

    measures: dict[str, Measure] = field(default_factory=dict)
    reversals: dict[str, Reversal] = field(default_factory=dict)
    appealed: dict[str, int] = field(default_factory=dict)
    upheld: dict[str, int] = field(default_factory=dict)

    def add(self, data: Contract, time_ms: int | None = None) -> None:
        """Take an event in; one that says nothing of measures is left alone. `time_ms`: its time, where its body has
        none."""
        if isinstance(data, EnforcementAction):
            self._measure(data, time_ms)
        elif isinstance(data, EnforcementReversed):
            self._reversed(Reversal(to_ms(data.at), data.reason or "", data.action_id, data.decision_id or ""))
        elif isinstance(data, AppealLifecycle) and data.action_id is not None:
            self._appeal(data, data.action_id)

    def unmatched(self) -> int:
        """Reversals of measures that are not known, or not yet."""
        return len(self.reversals.keys() - self.measures.keys())

    def cohorts(self, before_ms: int | None = None) -> Cohorts:
        """The counts of what had happened before an instant; of everything where left out."""
        found = Cohorts()
        for action_id, measure in self.measures.items():
            if before_ms is None or measure.informed_ms < before_ms:
                for outcome, at_ms in self._outcomes(action_id, before_ms):
                    age = 0 if at_ms is None else max(0, at_ms // DAY_MS - measure.informed_ms // DAY_MS)
                    found.add(CohortRow(measure.cell, measure.informed_ms // DAY_MS, age, outcome, measure.weight))
        return found

    def _outcomes(self, action_id: str, before_ms: int | None) -> list[tuple[str, int | None]]:
        appealed, upheld = self.appealed.get(action_id), self.upheld.get(action_id)
        reversal = self.reversals.get(action_id)
        found: list[tuple[str, int | None]] = [(MEASURES, None), (APPEALED, appealed)]
        if reversal is not None:
            found.append((kind_of(reversal, appealed), reversal.at_ms))
        if reversal is None or (upheld is not None and upheld < reversal.at_ms):
            found.append((UPHELD, upheld))
        return [
            (outcome, at_ms)
            for outcome, at_ms in found
            if outcome == MEASURES or (at_ms is not None and (before_ms is None or at_ms < before_ms))
        ]

    def _measure(self, data: EnforcementAction, time_ms: int | None) -> None:
        since = data.informed_at or data.decided_at
        informed_ms = to_ms(since) if since is not None else time_ms
        if informed_ms is None or data.state not in _IN_FORCE:
            return
        parts = (data.policy_id, data.market, data.queue_id, model_of(data), data.reviewer_type)
        measure = Measure(informed_ms, Cell(*(part or "" for part in parts)), data.weight)
        known = self.measures.get(data.action_id)
        self.measures[data.action_id] = measure if known is None else min(known, measure)

    def _reversed(self, reversal: Reversal) -> None:
        known = self.reversals.get(reversal.action_id)
        self.reversals[reversal.action_id] = reversal if known is None else min(known, reversal)

    def _appeal(self, data: AppealLifecycle, action_id: str) -> None:
        at_ms = to_ms(data.at)
        if data.complainant != "REPORTER":
            self.appealed[action_id] = min(at_ms, self.appealed.get(action_id, at_ms))
        if data.outcome in ("UPHELD", "REJECTED_LATE"):
            self.upheld[action_id] = min(at_ms, self.upheld.get(action_id, at_ms))
        elif data.outcome == "REVERSED" and data.implemented is not False:
            self._reversed(Reversal(at_ms, reason_of(data), action_id))


def model_of(action: EnforcementAction) -> str:
    """Model and version in one text.

    >>> model_of(EnforcementAction(action_id="a1", model_id="claims", model_version="7.2.0"))
    'claims 7.2.0'
    """
    return " ".join(part for part in (action.model_id, action.model_version) if part)


def reason_of(appeal: AppealLifecycle) -> str:
    """The reason for which a resolved appeal takes its measure back."""
    if appeal.procedural:
        return "PROCEDURAL"
    return "OUT_OF_COURT" if appeal.channel == "ODS_BODY" else "APPEAL_GRANTED"
