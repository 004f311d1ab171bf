"""How rows of incidents, alerts, silences and cases are shown. What people wrote comes out as text, on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cli.common import number, print_table, where
from sinks.present import wording
from sinks.store.records import ActionRecord, AlertRecord, DispositionRecord, NotificationRecord

SHORT = 8
"""Characters of an id that lists show, more where two would look alike."""


def clean(text: object) -> str:
    """A text without line ends, control characters and marks that turn the direction of writing.

    >>> clean("two\\nlines \\x1b[31mred")
    'two lines [31mred'
    """
    joined = " ".join(str("" if text is None else text).split())
    return "".join(each for each in joined if each.isprintable())


def shortener(ids: Iterable[str]) -> Callable[[str], str]:
    """Cuts ids to 8 characters, or to as many more as keep these apart.

    >>> cut = shortener(["campaign-1", "campaign-2"])
    >>> cut("campaign-2")
    'campaign-2'
    """
    known = set(ids)
    length = SHORT
    while len({each[:length] for each in known}) < len(known):
        length += 1
    return lambda each: clean(each[:length])


def when(ms: int | None) -> str:
    """An instant for people, to the minute, UTC.

    >>> when(1_772_820_299_000), when(None)
    ('2026-03-06 18:04Z', '')
    """
    return "" if ms is None else f"{wording.when(ms)}Z"


def times(count: int) -> str:
    """How often, in words.

    >>> times(0), times(1), times(3)
    ('', 'once', '3 times')
    """
    return "" if count == 0 else "once" if count == 1 else f"{count:,} times"


def print_rows(none: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """A table, or a sentence where there is nothing to show."""
    if rows:
        print_table(columns, [[clean(cell) for cell in row] for row in rows], right)
    else:
        print(none)


def print_facts(facts: Sequence[tuple[str, Any]]) -> None:
    """Names and values, one a line; those without a value are left out."""
    shown = [(name, clean(value)) for name, value in facts if value not in (None, "", [])]
    width = max(len(name) for name, _ in shown)
    for name, value in shown:
        print(f"{name:<{width}}  {value}")


def print_part(title: str) -> None:
    """The heading of a part of a page."""
    print(f"\n{title}")


def print_alerts(none: str, alerts: Sequence[AlertRecord], dispositions: Mapping[str, DispositionRecord]) -> None:
    """Alerts, each with what became of it."""
    cut = shortener(each.alert_id for each in alerts)
    rows = [
        (
            cut(each.alert_id),
            each.severity,
            each.status,
            when(each.window_start),
            each.monitor,
            where(each.series),
            number(each.observed),
            number(each.expected),
            dispositions[each.alert_id].outcome if each.alert_id in dispositions else each.suppressed_by,
        )
        for each in alerts
    ]
    columns = ("alert", "severity", "status", "since", "monitor", "series", "observed", "expected", "outcome")
    print_rows(none, columns, rows, right=("observed", "expected"))


def print_alerts_of(alerts: Sequence[AlertRecord], dispositions: Mapping[str, DispositionRecord], count: int) -> None:
    """The alerts on a page, which may be the first of `count`."""
    shown = len(alerts)
    print_part("Alerts" if shown >= count else f"Alerts, the first {shown:,} of {count:,}")
    print_alerts("no alert", alerts, dispositions)


def print_notifications(none: str, notifications: Sequence[NotificationRecord]) -> None:
    """Notifications, each with how far it came."""
    rows = [
        (
            *(when(e.created_at), e.cause, e.channel, e.state, e.attempts, when(e.sent_at)),
            *(e.error, e.title),
        )
        for e in notifications
    ]
    print_rows(none, ("at", "cause", "channel", "state", "tries", "sent", "error", "title"), rows, right=("tries",))


def print_actions(none: str, actions: Sequence[ActionRecord]) -> None:
    """Requests and their answers."""
    rows = [(when(each.at), each.who, each.do, each.outcome, each.answer) for each in actions]
    print_rows(none, ("at", "who", "asked for", "outcome", "answer"), rows)
