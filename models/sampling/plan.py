"""The plan of a quality sample: everything that decides which measures are drawn, fixed and hashed before the draw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import floor, sqrt
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """What to draw.

    `size` measures in all, `simple` of them (a share) from everything alike, so that errors nobody expects can be
    found; the rest by stratum, at least `floor` in each. `expected`: error rate expected in a stratum, by its name; a
    stratum that is not named has `otherwise`. `frame`: which measures may be drawn, in words or as a query. `golden`:
    measures whose right verdict is known, served among the others.
    """

    sample_id: str
    seed: str
    frame: str
    size: int
    simple: float = 0.15
    floor: int = 30
    otherwise: float = 0.05
    expected: Mapping[str, float] = field(default_factory=dict)
    golden: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.size < 1 or self.floor < 0 or not 0 <= self.simple <= 1:
            raise ValueError("a plan draws at least 1 measure, and the simple part is a share in [0, 1]")
        if not all(0 <= rate <= 1 for rate in (*self.expected.values(), self.otherwise)):
            raise ValueError("an expected error rate is in [0, 1]")

    def to_json(self) -> dict[str, Any]:
        """Plain values, keys sorted."""
        return {name: dict(sorted(v.items())) if isinstance(v, Mapping) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The plan that these values say; TypeError or ValueError where they say none."""
        return cls(**value)

    def to_bytes(self) -> bytes:
        """The one text of the plan."""
        return json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the plan: note it before the draw.

        >>> SamplePlan(sample_id="s1", seed="7", frame="all", size=10).digest[:12]
        '7ce6783a4999'
        """
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def allocate(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """How many of each stratum, whose sizes are given: the floor first, the rest as Neyman has it, n_h ~ N_h
        sqrt(p_h (1 - p_h)).

        No stratum gives more than it has. Rounded down, the rest by the largest fraction, ties by name.

        >>> plan = SamplePlan(sample_id="s", seed="1", frame="all", size=100, simple=0.0, floor=10, expected={"a": 0.5})
        >>> plan.allocate({"a": 1000, "b": 1000, "c": 4})
        {'a': 63, 'b': 33, 'c': 4}
        """
        wanted = round(self.size * (1 - self.simple))
        least = {name: min(self.floor, size) for name, size in sorted(sizes.items())}
        found = dict(least)
        left = max(0, wanted - sum(found.values()))
        while left > 0:
            room = {name: sizes[name] - found[name] for name in found if sizes[name] > found[name]}
            pull = {name: sizes[name] * self._spread(name) for name in room}
            total = sum(pull.values())
            if not room or total == 0:
                break
            shares = {name: min(room[name], left * pull[name] / total) for name in room}
            whole = {name: floor(share) for name, share in shares.items()}
            given = sum(whole.values())
            for name in sorted(room, key=lambda each: (whole[each] - shares[each], each)):
                if given < left and whole[name] < room[name]:
                    whole[name] += 1
                    given += 1
            for name, count in whole.items():
                found[name] += count
            left -= given
        return found

    def _spread(self, stratum: str) -> float:
        rate = min(max(self.expected.get(stratum, self.otherwise), 0.005), 0.995)
        return sqrt(rate * (1 - rate))
