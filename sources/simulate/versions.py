"""What is in force before any release, and how releases name their targets."""

from __future__ import annotations

CLIENT_VERSION = "41.0.0"
MODEL_VERSION = "2026.01"
POLICY_VERSION = "3"


def client_target(device: str) -> str:
    """The release target of an app."""
    return f"sim-app-{device.lower()}"
