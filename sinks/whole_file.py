"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livewarden.errors import SetupError


@contextmanager
def whole_file(out: Path, *, force: bool = False) -> Iterator[Path]:
    """A path beside `out` to write to; what is there becomes `out` when the context ends well, and goes when it does
    not.

    SetupError where `out` is a folder, is there already (without `force`), or cannot be written. A file that comes up
    while this one is written is not replaced either, but for the last moment.
    """
    check_free(out, force)
    unfinished = out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield unfinished
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        check_free(out, force)
        unfinished.replace(out)
    except OSError as error:
        raise SetupError(f"{out}: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def check_free(out: Path, force: bool) -> None:
    """SetupError where a file may not be written there; asked early, before what takes long."""
    if out.is_dir():
        raise SetupError(f"{out}: is a folder; name a file in it")
    if not out.parent.is_dir():
        raise SetupError(f"{out.parent}: there is no such folder")
    if out.exists() and not force:
        raise SetupError(f"{out}: is there already; --force replaces it")


def private_file(path: Path, text: str = "") -> Path:
    """Write what nobody but its owner may read (mode 600); what was there, and who could read it, is gone."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path
