"""Ids that derive from content: the same thing said twice has the same id."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

_NAMESPACE = uuid.UUID("5f0a3f0e-6a55-5a3e-9a52-6c6977617264")


def stable_id(*parts: object) -> str:
    """A UUID (version 5) of `parts`; order matters, and no two different lists of texts collide by joining.

    >>> stable_id("a", "bc") == stable_id("ab", "c")
    False
    """
    return str(uuid.uuid5(_NAMESPACE, "".join(f"{len(text)}:{text}" for text in map(str, parts))))


def content_token(row_ids: Iterable[str]) -> str:
    """SHA-256 over ordered row ids: the insert token of a batch. Equal rows in equal order, equal token."""
    digest = hashlib.sha256()
    for row_id in row_ids:
        digest.update(row_id.encode())
        digest.update(b"\n")
    return digest.hexdigest()
