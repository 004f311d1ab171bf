"""A stage's state as it is saved: with the version of its layout, and read wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import orjson

from livewarden.checkpoint import Checkpoint
from livewarden.errors import SetupError

VERSION: Final = 2
"""Of the layout of all states, down to those of single series. 0, without a number, is what was saved before there were
any.

It rises with every change that an older program, or the restore as it stands, would misread.
"""


def pack(state: Any, keys: int) -> str:
    """The header of a checkpoint; `keys` is how many entries there are,
    counted over all checkpoints since the last whole one.
    """
    return orjson.dumps({"v": VERSION, "keys": keys, "state": state}, option=orjson.OPT_NON_STR_KEYS).decode()


@contextmanager
def unpacked(checkpoint: Checkpoint, upgrade: Callable[[Any], Any] = lambda state: state) -> Iterator[Any]:
    """The state in a header, to be read inside; `upgrade` adds what states of older versions lack.

    Whatever is wrong with it, a newer version, a missing part, entries that are gone, becomes a SetupError that says
    how to begin anew.
    """
    try:
        saved = orjson.loads(checkpoint.header)
        version = saved["v"] if isinstance(saved.get("v"), int) else 0
        if not 0 <= version <= VERSION:
            raise ValueError(f"it is of version {version}, this program reads up to {VERSION}")
        if version:
            found = sum(blob != "null" for blob in checkpoint.entries.values())
            if found != saved["keys"]:
                raise ValueError(f"of its {saved['keys']} entries {found} are there")
        state = saved["state"] if version else saved
        yield state if version == VERSION else upgrade(state)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise SetupError(
            f"the saved state of {checkpoint.stage} ({checkpoint.topic}, partition {checkpoint.partition}, offset"
            f" {checkpoint.next_offset}) cannot be read: {' '.join(what.split())[:300]}; "
            "run the version that saved it, or"
            f" stop the workers and begin anew with `livewarden positions --begin-anew {checkpoint.stage}`"
        ) from error
