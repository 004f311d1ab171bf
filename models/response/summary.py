"""What an explanation says, in the few words that a notification has room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summary_of(explanation: Mapping[str, Any] | None) -> dict[str, str]:
    """What an explanation says, in few words: `text`, `verdict`, `strength`, `onset`, `change_id`, `change`,
    `change_relation`; {} without one.

    The change is the best supported one, and none where none supports.
    """
    if not explanation:
        return {}
    verdict = explanation.get("verdict") or {}
    change: Mapping[str, Any] = next((each for each in explanation.get("changes") or () if each.get("supports")), {})
    notified = {
        "text": explanation.get("text"),
        "verdict": verdict.get("verdict"),
        "strength": verdict.get("strength"),
        "onset": explanation.get("onset"),
        "change_id": change.get("change_id"),
        "change": _change(change),
        "change_relation": change.get("relation"),
    }
    return {name: str(value) for name, value in notified.items() if value}


def _change(change: Mapping[str, Any]) -> str:
    if not change:
        return ""
    to = f" to {change['to_version']}" if change.get("to_version") else ""
    minutes = change["minutes_before"]
    when = f"{abs(minutes)} min {'before' if minutes >= 0 else 'after'} it began"
    return f"{change['kind']} of {change.get('target') or change['change_id']}{to}, {when}"
