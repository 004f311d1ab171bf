"""What an address asks for: every name and value after the `?` is understood, or refused in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from livewarden.times import DAY_MS, HOUR_MS, to_ms

LAST_MS = {"1h": HOUR_MS, "6h": 6 * HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
"""Spans that `last` may name, in milliseconds."""
MOST_CHARACTERS = 200
MOST_PAGES = 10_000
ANSWER = "answer"
"""What any page may be asked for: the answer to the action of that id. It is no filter."""


class BadParameter(Exception):
    """An address that cannot be understood; the message is one line for the person who typed it."""


class Parameters:
    """Reads names off a query one by one; `done` refuses what nobody asked for, so that a misspelt filter is not
    ignored.

    >>> asked = Parameters(QueryParams("severity=critical&page=2"))
    >>> asked.choice("severity", ("info", "warning", "critical")), asked.page()
    ('critical', 2)
    >>> asked.done()
    """

    def __init__(self, query: QueryParams) -> None:
        self._query = query
        self._known: list[str] = []
        self._given: dict[str, str] = {}
        twice = next((name for name in query if len(query.getlist(name)) > 1), None)
        if twice is not None:
            raise BadParameter(f"{shown(twice)} is given twice: give it once")

    def text(self, name: str) -> str:
        """A text, "" where it is not given."""
        self._known.append(name)
        value = self._query.get(name, "").strip()
        if len(value) > MOST_CHARACTERS:
            raise BadParameter(f"{name}: longer than {MOST_CHARACTERS} characters")
        if value and name != "page":
            self._given[name] = value
        return value

    def choice(self, name: str, options: Sequence[str], default: str = "") -> str:
        """One of `options`, `default` where it is not given."""
        value = self.text(name)
        if value and value not in options:
            raise BadParameter(f"{name}: {shown(value)} is none of {', '.join(options)}")
        return value or default

    def page(self) -> int:
        """The page's number, from 1."""
        value = self.text("page") or "1"
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_PAGES):
            raise BadParameter(f"page: {shown(value)} is no number from 1 to {MOST_PAGES}")
        return int(value)

    def moment(self, name: str) -> int | None:
        """An instant in milliseconds: a day, or a day and a time, UTC unless it says otherwise."""
        value = self.text(name)
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
            ms = to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            ms = -1
        if not 0 <= ms < to_ms(datetime(2200, 1, 1, tzinfo=UTC)):
            raise BadParameter(f"{name}: {shown(value)} is no time such as 2026-03-06 or 2026-03-06T18:30 (UTC)")
        return ms

    def span(self, now_ms: int) -> tuple[int | None, int | None]:
        """From and to, in milliseconds: `from` and `to`, or `last`, which counts back from `now_ms`."""
        start, end = self.moment("from"), self.moment("to")
        last = self.choice("last", tuple(LAST_MS))
        if last and (start is not None or end is not None):
            raise BadParameter("last: not together with from or to")
        if start is not None and end is not None and start >= end:
            raise BadParameter("from: must be before to")
        return (now_ms - LAST_MS[last], None) if last else (start, end)

    def given(self) -> dict[str, str]:
        """The filters that were read so far and hold something, by name."""
        return dict(self._given)

    def done(self) -> None:
        """Refuse every name that was not read."""
        for name in self._query:
            if name not in self._known and name != ANSWER:
                known = ", ".join(self._known) or "none"
                raise BadParameter(f"there is no parameter {shown(name)} here, only {known}")


def shown(value: str) -> str:
    """A value for a message: quoted, short, on one line."""
    return repr(value if len(value) <= 40 else value[:39] + "…")
