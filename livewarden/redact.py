"""What may be said of an address: never who signs in at it, and never with what."""

from __future__ import annotations

import logging
import re

_SIGNED_IN = re.compile(r"(\w[\w+.-]*://)[^\s'\"]*@")
_PASSED = re.compile(
    r"((?:^|[?&;\s])[\w-]*(?:password|passwd|token|secret|apikey|api_key|sasl)[\w-]*=)[^\s&;'\"]+", re.I
)


def redact(text: str) -> str:
    """The text with `…` for the user and the password of every URL in it, and for parameters that are secrets by their
    name.

    All up to the last `@` before a space goes, so that a password with `@`, `/` or `#` in it goes as a whole.

    >>> redact("http://admin:p@ss/w@ch:8123 is away, amqps://k:s@x/?token=abc&a=1")
    'http://…@ch:8123 is away, amqps://…@x/?token=…&a=1'
    """
    return _PASSED.sub(r"\1…", _SIGNED_IN.sub(r"\1…@", text))


class RedactedLines(logging.Formatter):
    """Log lines, tracebacks included, with nothing in them that `redact` takes out.

    A text has one line, so none is forged.
    """

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


def log_to_stderr(level: str) -> None:
    """Write the log of all of the process to stderr, redacted."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactedLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
