"""Recommendations from a bank: whose they are, when they apply, and what they changed once they were done."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from livewarden.library_entry import LibraryEntry

Team = Literal["policy", "moderation", "product", "algorithm"]
_Z: Final = 1.959964


class When(BaseModel):
    """When a recommendation applies to a pattern: what most of its cases have, and how many there are at least."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cause: tuple[str, ...] = ()
    enforcement: tuple[str, ...] = ()
    subject_type: tuple[str, ...] = ()
    least_cases: Annotated[int, Field(ge=1)] = 2


class Advice(BaseModel):
    """One recommendation of the bank: `[[recommendation]]` in its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    team: Team
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    precondition: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description="what a person checks first, in words"
    )
    when: When = When()


class AdviceBank(BaseModel):
    """The bank as a file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recommendation: tuple[Advice, ...]


def parse_bank(text: str, name: str) -> tuple[Advice, ...]:
    """The recommendations of a TOML text; ValueError in one line where it is none, or an id stands twice."""
    try:
        found = AdviceBank.model_validate(tomllib.loads(text)).recommendation
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())}") from error
    twice = [each for each, count in Counter(each.id for each in found).items() if count > 1]
    if twice:
        raise ValueError(f"{name}: {twice[0]} stands twice")
    return found


def applies(advice: Advice, entries: Sequence[LibraryEntry]) -> bool:
    """Whether it applies to a pattern with these cases: each thing asked for holds for more than half of them."""
    when = advice.when
    if len(entries) < when.least_cases:
        return False
    asked = (("cause", when.cause), ("enforcement", when.enforcement), ("subject_type", when.subject_type))
    return all(
        2 * sum(getattr(entry, name) in wanted for entry in entries) > len(entries) for name, wanted in asked if wanted
    )


@dataclass(frozen=True, slots=True)
class MeasuredEffect:
    """What became of the rate: after over before, against the same of control cells; with its 95 % interval.

    0.5: half as many wrong measures as would have been. `clear`: 1 is outside of the interval.
    """

    factor: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether anything changed, surely."""
        return not self.low <= 1 <= self.high


Rate = tuple[int, int]
"""Wrong measures, and all."""


def measured_effect(before: Rate, after: Rate, control_before: Rate, control_after: Rate) -> MeasuredEffect | None:
    """The effect by difference in differences of log rates: what the control cells did, too, is not its doing.

    None where one of the four has no measures. Each count gets a half, so that none is zero. Bad at: fewer than about
    ten wrong measures; measures that come in bunches, for which the interval is too narrow.

    >>> found = measured_effect((200, 1_000), (100, 1_000), (300, 3_000), (300, 3_000))
    >>> round(found.factor, 2), found.clear
    (0.5, True)
    """
    parts = (before, after, control_before, control_after)
    if any(of <= 0 for _, of in parts):
        return None
    rates = [log((wrong + 0.5) / (of + 0.5)) for wrong, of in parts]
    effect = (rates[1] - rates[0]) - (rates[3] - rates[2])
    width = _Z * sqrt(sum(1 / (wrong + 0.5) for wrong, _ in parts))
    return MeasuredEffect(exp(effect), exp(effect - width), exp(effect + width))
