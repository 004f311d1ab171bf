"""Every contract, and where its events go."""

from __future__ import annotations

from typing import get_args

from livewarden.contracts.appeal import AppealLifecycle
from livewarden.contracts.audit import ReviewAudit
from livewarden.contracts.base import AGGREGATES, Contract, Topic
from livewarden.contracts.change import PlatformChange
from livewarden.contracts.enforcement import EnforcementAction, EnforcementReversed
from livewarden.contracts.heartbeat import SourceHeartbeat
from livewarden.contracts.room import RoomLifecycle
from livewarden.contracts.ticket import MerchantTicket
from livewarden.contracts.traffic import TrafficQuality, TrafficSample

CONTRACTS: tuple[type[Contract], ...] = (
    TrafficSample,
    TrafficQuality,
    RoomLifecycle,
    EnforcementAction,
    EnforcementReversed,
    AppealLifecycle,
    ReviewAudit,
    MerchantTicket,
    PlatformChange,
    SourceHeartbeat,
)
BY_CE_TYPE: dict[str, type[Contract]] = {contract.ce_type(): contract for contract in CONTRACTS}
TOPICS: tuple[Topic, ...] = get_args(Topic)
"""Every topic that events come on, without a deployment's prefix."""


def topic_of(data: Contract) -> Topic:
    """The topic an event belongs to: its contract's, or `live.aggregates` where its time is known to the hour or day
    only.

    A heartbeat belongs to the topic it speaks for.

    >>> topic_of(EnforcementAction(action_id="a1"))
    'live.enforcement'
    >>> topic_of(EnforcementAction(action_id="a1", time_precision="day"))
    'live.aggregates'
    """
    if data.time_precision in ("hour", "day") and not isinstance(data, SourceHeartbeat):
        return AGGREGATES
    return data.topic
