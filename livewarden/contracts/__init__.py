"""The event contracts: one model a contract, one file a domain."""

from livewarden.contracts.appeal import AppealLifecycle
from livewarden.contracts.audit import ReviewAudit
from livewarden.contracts.base import AGGREGATES, TYPE_PREFIX, Contract, Topic, unknown_fields
from livewarden.contracts.catalog import BY_CE_TYPE, CONTRACTS, TOPICS, topic_of
from livewarden.contracts.change import PlatformChange, Scope
from livewarden.contracts.enforcement import EnforcementAction, EnforcementReversed
from livewarden.contracts.heartbeat import SourceHeartbeat
from livewarden.contracts.room import RoomLifecycle
from livewarden.contracts.sor import StatementOfReasons
from livewarden.contracts.ticket import MerchantTicket
from livewarden.contracts.traffic import TrafficQuality, TrafficSample

__all__ = [
    "AGGREGATES",
    "BY_CE_TYPE",
    "CONTRACTS",
    "TOPICS",
    "TYPE_PREFIX",
    "AppealLifecycle",
    "Contract",
    "EnforcementAction",
    "EnforcementReversed",
    "MerchantTicket",
    "PlatformChange",
    "ReviewAudit",
    "RoomLifecycle",
    "Scope",
    "SourceHeartbeat",
    "StatementOfReasons",
    "Topic",
    "TrafficQuality",
    "TrafficSample",
    "topic_of",
    "unknown_fields",
]
