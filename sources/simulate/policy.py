"""The moderation policies of the simulated platform, and what each does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy.

    `per_minute`: violations a minute in a market of size 1, averaged over a week. `automated`: share decided by the
    model alone; the rest goes through `queue_id` to people (`hybrid`: who see the model's verdict). `actions`: action
    type and how often a violation brings it; the first always does. `size`: gamma size of the dispersion (smaller is
    burstier). `appealed`, `overturned`, `disputed`: shares of violations appealed, of appeals granted, of violations
    that bring a ticket. `batched`: reported once a minute with a weight instead of one by one.
    """

    name: str
    per_minute: float
    actions: tuple[tuple[str, float], ...]
    subject: str
    queue: str = "products"
    automated: float = 0.7
    hybrid: bool = False
    size: float = 3.0
    appealed: float = 0.06
    overturned: float = 0.15
    disputed: float = 0.02
    points: int = 0
    batched: bool = False

    @property
    def policy_id(self) -> str:
        """For example `sim-policy-counterfeit`."""
        return f"sim-policy-{self.name}"

    @property
    def model_id(self) -> str:
        """For example `sim-model-counterfeit`."""
        return f"sim-model-{self.name}"

    @property
    def queue_id(self) -> str:
        """For example `sim-queue-products`."""
        return f"sim-queue-{self.queue}"


POLICIES = (
    Policy(
        name="live-conduct", per_minute=18.0, actions=(("LIVE_REMINDER_SHOWN", 1.0),), subject="ROOM", queue="live",
        automated=1.0, size=5.0, appealed=0.0, disputed=0.0, batched=True,
    ),
    Policy(
        name="recorded-live", per_minute=0.55, actions=(("LIVE_REDUCED_VISIBILITY", 1.0),), subject="ROOM",
        queue="live", automated=0.9, size=2.5, appealed=0.03, overturned=0.10,
    ),
    Policy(
        name="misleading-claims", per_minute=0.60,
        actions=(("LIVE_WARNING_SHOWN", 1.0), ("LIVE_INTERRUPTED", 0.12), ("POINTS_CHANGED", 0.10)),
        subject="ROOM", queue="live", automated=0.6, hybrid=True, appealed=0.07, overturned=0.25, points=2,
    ),
    Policy(
        name="counterfeit", per_minute=0.48, actions=(("PRODUCT_REMOVED", 1.0), ("POINTS_CHANGED", 0.35)),
        subject="PRODUCT", automated=0.75, size=2.0, appealed=0.08, overturned=0.18, disputed=0.03, points=4,
    ),
    Policy(
        name="restricted-goods", per_minute=0.42, actions=(("PRODUCT_DEACTIVATED", 1.0), ("LIVE_PRODUCT_REMOVED", 0.2)),
        subject="PRODUCT", automated=0.85, size=2.0, overturned=0.22,
    ),
    Policy(
        name="ad-claims", per_minute=0.35, actions=(("AD_REJECTED", 1.0),), subject="AD", queue="ads", automated=0.95,
        appealed=0.04, overturned=0.30,
    ),
    Policy(
        name="off-platform-payment", per_minute=0.10,
        actions=(("LIVE_FEATURE_RESTRICTED", 1.0), ("LIVE_ACCESS_SUSPENDED", 0.3), ("POINTS_CHANGED", 0.5)),
        subject="CREATOR", queue="live", automated=0.3, appealed=0.12, overturned=0.12, disputed=0.05, points=6,
    ),
    Policy(
        name="non-delivery", per_minute=0.12,
        actions=(("SHOP_CLOSED_TEMPORARY", 1.0), ("SETTLEMENT_SUSPENDED", 0.6), ("ORDER_VOLUME_LIMITED", 0.2)),
        subject="SHOP", queue="shops", automated=0.5, hybrid=True, size=1.5, appealed=0.15, overturned=0.08,
        disputed=0.08, points=12,
    ),
    Policy(
        name="affiliate-fraud", per_minute=0.02, actions=(("COMMISSION_WITHHELD", 1.0), ("AFFILIATE_DISMISSED", 0.4)),
        subject="CREATOR", queue="shops", automated=0.2, size=1.0, appealed=0.2, overturned=0.10, disputed=0.10,
    ),
    Policy(
        name="minor-safety", per_minute=0.03, actions=(("LIVE_INTERRUPTED", 1.0), ("LIVE_ACCESS_SUSPENDED", 0.5)),
        subject="ROOM", queue="live", automated=0.1, hybrid=True, size=2.0, appealed=0.10, overturned=0.05,
    ),
)  # fmt: skip
"""Ten policies, from tens of reminders a minute to one decision in an hour."""
