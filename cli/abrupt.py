"""Ctrl-C while the command line is still being loaded ends it without a traceback: import this first.

Python's own answer is an exception wherever it happens to be, and an import has nobody to catch it.
"""

from __future__ import annotations

import signal
import threading

_OURS = (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
if _OURS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def over() -> None:
    """All is loaded: from here on Ctrl-C is an exception again, and the command clears up."""
    if _OURS:
        signal.signal(signal.SIGINT, signal.default_int_handler)
