"""Which actions a statement of reasons stands for.

The DSA database has no LIVE and no shop content: those measures sit in the free text of "other" restrictions. TikTok
writes that text from fixed phrases, several to a text, so a phrase table reads it. One *family* is one series: it is
the `restriction` of the event, and its action type follows from it.

The phrases and families restate facts of the DSA Transparency Database (CC BY 4.0, © European Union): see
`sources/recordings/ATTRIBUTION.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

FAMILIES: Mapping[str, str] = {
    "live_demoted_10min": "LIVE_REDUCED_VISIBILITY",
    "live_demoted": "LIVE_REDUCED_VISIBILITY",
    "live_feature_restricted": "LIVE_FEATURE_RESTRICTED",
    "live_access_suspended": "LIVE_ACCESS_SUSPENDED",
    "live_warning_toast": "LIVE_WARNING_SHOWN",
    "live_product_removed": "LIVE_PRODUCT_REMOVED",
    "video_product_removed": "VIDEO_PRODUCT_REMOVED",
    "product_deactivated": "PRODUCT_DEACTIVATED",
    "product_suspended": "PRODUCT_SUSPENDED",
    "product_frozen": "PRODUCT_FROZEN",
    "shop_closed_permanent": "SHOP_CLOSED_PERMANENT",
    "shop_closed_temporary": "SHOP_CLOSED_TEMPORARY",
    "settlement_suspended": "SETTLEMENT_SUSPENDED",
    "order_volume_limited": "ORDER_VOLUME_LIMITED",
    "points_deducted": "POINTS_CHANGED",
    "creator_sales_restricted": "CREATOR_SALES_RESTRICTED",
    "commission_withheld": "COMMISSION_WITHHELD",
    "campaign_barred": "CAMPAIGN_BARRED",
    "warning": "WARNING",
    "generic_restriction": "RESTRICTION_UNSPECIFIED",
    "ad_rejected": "AD_REJECTED",
}
"""Family to action type, in the order in which events of one moment are written."""

_LIVE = r"^LIVE(?:/S)? not eligible for recommendation"
_PHRASES: tuple[tuple[str, str], ...] = (
    ("live_demoted_10min", _LIVE + r" and restricted in search results for 10 minutes$"),
    ("live_demoted", _LIVE + r"(?!.* for 10 minutes$)"),
    ("live_feature_restricted", r"^Live feature$"),
    ("live_access_suspended", r"LIVE access suspension|permanent removal of LIVE access"),
    ("live_product_removed", r"removal of products from this LIVE"),
    (
        "video_product_removed",
        r"removal of all violating products from this video|All products were removed from this video",
    ),
    ("product_deactivated", r"Deactivate products"),
    ("product_frozen", r"Freeze products"),
    ("shop_closed_permanent", r"Your shop has been permanently closed|Shop closed permanently"),
    ("settlement_suspended", r"Shop settlement suspended"),
    ("order_volume_limited", r"Order Volume Limit|Limit maximum order volume"),
    ("points_deducted", r"\bviolation points?\b"),
    ("creator_sales_restricted", r"restriction of (?:the )?account to generate sales|restricted from selling products"),
    ("commission_withheld", r"withholding of commissions"),
    ("generic_restriction", r"^Restriction$"),
    ("ad_rejected", r"^Ad is not eligible for posting"),
)
_RULES = tuple((family, re.compile(pattern, re.IGNORECASE)) for family, pattern in _PHRASES)
_POINTS = re.compile(r"(\d{1,4}) violation point", re.IGNORECASE)

_TEXT_FIELDS = ("decision_visibility_other", "decision_monetary_other")
_DECISION_FIELDS = ("decision_visibility", "decision_monetary", "decision_provision", "decision_account")
_BY_DECISION = {
    "DECISION_MONETARY_SUSPENSION": "SETTLEMENT_SUSPENDED",
    "DECISION_ACCOUNT_SUSPENDED": "ACCOUNT_SUSPENDED",
    "DECISION_ACCOUNT_TERMINATED": "ACCOUNT_TERMINATED",
}
_BY_DECISION_ON_A_PRODUCT = {
    "DECISION_VISIBILITY_CONTENT_REMOVED": "PRODUCT_REMOVED",
    "DECISION_VISIBILITY_CONTENT_DISABLED": "PRODUCT_DEACTIVATED",
}


class Action(NamedTuple):
    """One action of a statement: its type, the series it belongs to, and the violation points if any are named."""

    action_type: str
    restriction: str | None
    points: int | None = None


def families_of(text: str) -> list[str]:
    """The families whose phrase stands in a free text, in the order of the table; empty when none does.

    >>> families_of("Freeze products 12 Violation point(s)")
    ['product_frozen', 'points_deducted']
    >>> families_of("Video not eligible for recommendation in the For You feed")
    []
    """
    return [family for family, rule in _RULES if rule.search(text)]


def points_of(text: str) -> int | None:
    """The number of violation points a text names, or None.

    >>> points_of("LIVE access suspension for 30 minute(s)  3 violation points")
    3
    """
    found = _POINTS.search(text)
    return int(found[1]) if found else None


def actions_of(statement: Mapping[str, str | list[str]]) -> list[Action]:
    """The actions of one statement of reasons; never empty.

    A known phrase gives its family. A structured decision gives an action of its own, with the decision's code as
    `restriction`; "other" is dropped where a phrase already says what it was.

    >>> other = {"decision_visibility": ["DECISION_VISIBILITY_OTHER"]}
    >>> actions_of(other | {"decision_visibility_other": "Freeze products"})
    [Action(action_type='PRODUCT_FROZEN', restriction='product_frozen', points=None)]
    >>> actions_of({"decision_account": "DECISION_ACCOUNT_SUSPENDED"})
    [Action(action_type='ACCOUNT_SUSPENDED', restriction='DECISION_ACCOUNT_SUSPENDED', points=None)]
    """
    found: dict[tuple[str, str | None], Action] = {}

    def add(action: Action) -> None:
        found.setdefault(action[:2], action)

    explained: set[str] = set()
    for field in _TEXT_FIELDS:
        text = str(statement.get(field, ""))
        for family in families_of(text):
            explained.add(field.upper())
            add(Action(FAMILIES[family], family, points_of(text) if family == "points_deducted" else None))
    on_a_product = statement.get("content_type") == ["CONTENT_TYPE_PRODUCT"]
    for field in _DECISION_FIELDS:
        value = statement.get(field, [])
        for decision in [value] if isinstance(value, str) else value:
            if decision in explained:
                continue
            by_product = _BY_DECISION_ON_A_PRODUCT.get(decision) if on_a_product else None
            add(Action(by_product or _BY_DECISION.get(decision, "RESTRICTION_UNSPECIFIED"), decision))
    return list(found.values()) or [Action("RESTRICTION_UNSPECIFIED", None)]
