"""A log that says the same thing now and then, not hundreds of times a second."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict

MOST_KINDS = 1_000


class Repeats(logging.Filter):
    """Lets one line of a kind through every `every_s` seconds, with the number of those that it held back.

    Lines are of a kind when logger, level and text are the same but for numbers. Critical ones and those with a
    traceback always pass. It goes by the time that the record carries.

    >>> gate = Repeats(10.0)
    >>> def line(at: float) -> logging.LogRecord:
    ...     record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, "no broker on port %d", (9092,), None)
    ...     record.created = at
    ...     return record
    >>> [gate.filter(line(at)) for at in (0.0, 0.1, 9.9)]
    [True, False, False]
    >>> again = line(10.0)
    >>> gate.filter(again), again.getMessage()
    (True, 'no broker on port 9092 (2 more of it in 10 s)')
    """

    def __init__(self, every_s: float = 10.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._last: OrderedDict[tuple[str, int, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it."""
        if record.levelno >= logging.CRITICAL or record.exc_info:
            return True
        text = record.getMessage()
        kind = record.name, record.levelno, re.sub(r"[\d.]+", "#", text)[:200]
        at, held = self._last.get(kind, (float("-inf"), 0))
        since = record.created - at
        if 0 <= since < self._every_s:
            self._last[kind] = at, held + 1
            return False
        if held:
            record.msg, record.args = f"{text.replace('%', '%%')} (%d more of it in %.0f s)", (held, since)
        self._last[kind] = record.created, 0
        self._last.move_to_end(kind)
        if len(self._last) > MOST_KINDS:
            self._last.popitem(last=False)
        return True
