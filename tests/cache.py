"""What tests fetch once and keep, such as jars: by one test process, while the others wait for it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fetching(folder: Path) -> Iterator[None]:
    """`folder` is there, and no other process fetches into it meanwhile."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
