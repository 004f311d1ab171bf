"""A change of the platform, as the ledger keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from livewarden.contracts import PlatformChange
from livewarden.times import format_ms, to_ms


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One phase of a change. Ordered by when it began, then by what it is, so that any set of them has one order.

    Empty `markets` or `action_types` are no limit; "" is unknown. `percent` is the share of traffic reached.
    """

    at_ms: int
    change_id: str
    kind: str
    phase: str
    target: str = ""
    from_version: str = ""
    to_version: str = ""
    markets: tuple[str, ...] = ()
    action_types: tuple[str, ...] = ()
    percent: float = 100.0
    ends_ms: int = 0
    owner_team: str = ""

    @property
    def effective(self) -> bool:
        """Whether something happened: an announcement changes nothing yet."""
        return self.phase != "ANNOUNCED"

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that it names."""
        return tuple(version for version in (self.to_version, self.from_version) if version)

    def in_words(self) -> str:
        """What changed, for a sentence.

        >>> Change(0, "c1", "MODEL_RELEASE", "COMPLETED", "m7", to_version="2").in_words()
        'MODEL_RELEASE of m7 to 2 (completed)'
        """
        what = f" of {self.target}" if self.target else f" {self.change_id}"
        to = f" to {self.to_version}" if self.to_version else ""
        phase = self.phase.lower().replace("_", " ")
        share = f" {self.percent:g} %" if self.phase == "PERCENT" else ""
        return f"{self.kind}{what}{to}" + (f" ({phase}{share})" if phase else "")

    def to_json(self) -> dict[str, Any]:
        """What a reader of an explanation gets of it."""
        return {
            "change_id": self.change_id,
            "kind": self.kind,
            "phase": self.phase or None,
            "target": self.target or None,
            "from_version": self.from_version or None,
            "to_version": self.to_version or None,
            "at": format_ms(self.at_ms),
            "owner_team": self.owner_team or None,
        }


def change_of(data: PlatformChange, at_ms: int) -> Change:
    """The ledger's entry for an event."""
    scope = data.scope
    return Change(
        at_ms=at_ms,
        change_id=data.change_id,
        kind=data.kind,
        phase=data.phase or "",
        target=data.target or "",
        from_version=data.from_version or "",
        to_version=data.to_version or "",
        markets=tuple(sorted(scope.markets)) if scope else (),
        action_types=tuple(sorted(scope.action_types)) if scope else (),
        percent=100.0 if scope is None or scope.percent is None else float(scope.percent),
        ends_ms=to_ms(data.ends_at) if data.ends_at else 0,
        owner_team=data.owner_team or "",
    )


def change_row(change: Change) -> dict[str, Any]:
    """The entry as plain JSON values; `change_from` reads it back."""
    return asdict(change)


def change_from(row: dict[str, Any]) -> Change:
    """The inverse of `change_row`. Missing or unknown fields are a TypeError, a missing list a KeyError.

    >>> change_from(change_row(Change(1, "c", "CONFIG", "", markets=("DE",)))).markets
    ('DE',)
    """
    return Change(**(row | {"markets": tuple(row["markets"]), "action_types": tuple(row["action_types"])}))
