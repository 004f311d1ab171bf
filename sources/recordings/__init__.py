"""The recording that ships: real enforcement, see ATTRIBUTION.md beside it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_NAME = "dsa-tiktok-daily.jsonl.gz"


def shipped() -> Path:
    """The daily counts of TikTok's LIVE and Shop statements of reasons, 2023-09-25 to 2025-06-30.

    >>> shipped().name
    'dsa-tiktok-daily.jsonl.gz'
    """
    return Path(str(files(__package__) / _NAME))
