"""The pattern key: what kind of case one is, in five words of a taxonomy that has a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from livewarden.library_entry import LibraryEntry

TAXONOMY: Final = "t1"
"""Version of the families and groups below. Other families are another version: keys of two are never compared."""
_FAMILIES: Final[Mapping[str, str]] = {
    "LIVE_": "live",
    "VIDEO_PRODUCT": "product",
    "PRODUCT_": "product",
    "AD_": "product",
    "SHOP_": "account",
    "ACCOUNT_": "account",
    "AFFILIATE_": "account",
    "CREATOR_": "account",
    "COMMISSION_": "money",
    "SETTLEMENT_": "money",
    "FUNDS_": "money",
    "ORDER_VOLUME": "reach",
    "CAMPAIGN_": "reach",
    "POINTS_": "points",
    "WARNING": "warning",
}
_GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "dach": frozenset(("AT", "CH", "DE", "LI")),
    "benelux": frozenset(("BE", "LU", "NL")),
    "iberia": frozenset(("ES", "PT")),
    "nordics": frozenset(("DK", "FI", "IS", "NO", "SE")),
    "baltics": frozenset(("EE", "LT", "LV")),
    "cee": frozenset(("BG", "CZ", "HR", "HU", "PL", "RO", "SI", "SK")),
    "france": frozenset(("FR",)),
    "italy": frozenset(("IT", "MT")),
    "isles": frozenset(("GB", "IE")),
    "greece": frozenset(("CY", "GR")),
}
SEVERAL: Final = "several"
"""Markets of more than one group."""


class PatternKey(NamedTuple):
    """The five words; "" is one that is not known."""

    clause: str
    family: str
    subject: str
    cause: str
    markets: str

    def __str__(self) -> str:
        return "|".join((TAXONOMY, *(part.replace("|", "/") for part in self)))

    @property
    def words(self) -> str:
        """It for people; what is not known is left out."""
        return " · ".join(part for part in self if part) or "nothing known"


def action_family(action_type: str) -> str:
    """The family of a kind of measure; "" where it has none.

    >>> action_family("LIVE_INTERRUPTED"), action_family("SHOP_CLOSED_PERMANENT"), action_family("")
    ('live', 'account', '')
    """
    return next((family for start, family in _FAMILIES.items() if action_type.startswith(start)), "")


def market_group(markets: tuple[str, ...]) -> str:
    """The group of markets; `several` of more than one, "" of none.

    >>> market_group(("DE", "AT")), market_group(("DE", "FR")), market_group(())
    ('dach', 'several', '')
    """
    groups = {next((name for name, group in _GROUPS.items() if each in group), "other") for each in markets}
    return groups.pop() if len(groups) == 1 else SEVERAL if groups else ""


def pattern_key(entry: LibraryEntry) -> PatternKey:
    """The key of an entry: the same facts, the same key, for ever.

    >>> str(pattern_key(LibraryEntry(entry_id="c1", title="t", policy_clause="p7", action_type="WARNING")))
    't1|p7|warning|||'
    """
    return PatternKey(
        entry.policy_clause,
        action_family(entry.action_type),
        entry.subject_type or "",
        entry.cause,
        market_group(entry.markets),
    )
