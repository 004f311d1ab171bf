"""The name of a time zone, as files have it."""

from __future__ import annotations

import zoneinfo
from typing import Annotated

from pydantic import AfterValidator

from livewarden.config_file import near


def _timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = sorted(zoneinfo.available_timezones())
        raise ValueError(f"no timezone is named {name!r}{near(name, known) or ', such as Europe/Berlin'}") from None
    return name


Timezone = Annotated[str, AfterValidator(_timezone)]
"""An IANA name, such as Europe/Berlin."""
