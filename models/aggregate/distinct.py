"""Distinct counts that merge: a compressed probabilistic counting sketch (Apache DataSketches, Lang 2017).

Of the mergeable sketches this one was chosen because the estimate of a *union* depends on nothing but the set of items:
HyperLogLog's estimate after a union differed with the order of arrival, which would make a replay differ from live.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from datasketches import cpc_sketch, cpc_union

LG_K = 11
"""2048 rows: a relative standard error near 1.5 %, at most about 1.3 kB; a handful of items takes 40 bytes."""


class Distinct:
    """How many different texts were added. The error is about 1.5 %; below ten items it is practically exact.

    >>> shops = Distinct()
    >>> for shop in ["a", "b", "a"]:
    ...     shops.add(shop)
    >>> count_distinct([shops.to_text()])
    2
    """

    __slots__ = ("_sketch",)

    def __init__(self, text: str = "") -> None:
        self._sketch = cpc_sketch.deserialize(base64.b64decode(text)) if text else cpc_sketch(LG_K)

    def add(self, item: str) -> None:
        """Add one item; adding it again changes nothing."""
        self._sketch.update(item)

    def to_text(self) -> str:
        """The sketch as base64 text."""
        return base64.b64encode(self._sketch.serialize()).decode()


def count_distinct(texts: Iterable[str]) -> int:
    """The distinct count of a union of sketches, rounded to a whole number; order and grouping do not matter."""
    union = cpc_union(LG_K)
    for text in texts:
        if text:
            union.update(cpc_sketch.deserialize(base64.b64decode(text)))
    estimate: float = union.get_result().get_estimate()
    return round(estimate)
