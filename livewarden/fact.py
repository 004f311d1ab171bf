"""A number that somebody said, with all that is needed to compute it again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from livewarden.ids import stable_id


@dataclass(frozen=True, slots=True)
class Fact:
    """What `name` (a query) is for `key` in [from, to), in ms UTC; `low` and `high` where it has an interval or a band.

    `sentence` says it. Facts with the same question have the same id, whatever the answer.

    >>> Fact("alerts", "", 0, 7, 12.0).fact_id == Fact("alerts", "", 0, 7, 13.0).fact_id
    True
    """

    name: str
    key: str
    from_ms: int
    to_ms: int
    value: float | None
    low: float | None = None
    high: float | None = None
    sentence: str = ""

    @property
    def fact_id(self) -> str:
        """`f-` and ten hexadecimal digits."""
        return f"f-{stable_id('fact', self.name, self.key, self.from_ms, self.to_ms).replace('-', '')[:10]}"

    @property
    def numbers(self) -> tuple[float | None, float | None, float | None]:
        """What is compared when it is computed again."""
        return self.value, self.low, self.high

    def saying(self, sentence: str) -> Fact:
        """The same in words."""
        return replace(self, sentence=sentence)
