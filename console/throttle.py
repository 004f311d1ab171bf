"""How many wrong tokens one address, and all of them together, may try in a minute."""

from __future__ import annotations

from collections import OrderedDict

MINUTE_MS = 60_000
OF_ONE = 20
"""A page with an old password asks for four things; an attentive person does not come near."""
OF_ALL = 200
MOST_ADDRESSES = 4096


class Throttle:
    """Counts wrong tokens by minute. Time is an argument; memory is bounded, the addresses seen longest ago are
    forgotten.

    An address with too many in this minute is refused until the next one, whatever it presents. Where all of them
    together are too many, those who gave a right token before are still let in. Colleagues behind one address share its
    count.

    >>> throttle = Throttle()
    >>> [throttle.wrong("10.0.0.1", 0) for _ in range(OF_ONE)].count(True)
    1
    >>> throttle.refuses("10.0.0.1", 0), throttle.refuses("10.0.0.2", 0), throttle.refuses("10.0.0.1", MINUTE_MS)
    (True, False, False)
    """

    def __init__(self) -> None:
        self._minute = -1
        self._all = 0
        self._wrong: OrderedDict[str, int] = OrderedDict()
        self._welcome: OrderedDict[str, None] = OrderedDict()

    def refuses(self, address: str, now_ms: int) -> bool:
        """Whether what this address presents is not even looked at."""
        self._turn(now_ms)
        if self._wrong.get(address, 0) >= OF_ONE:
            return True
        return self._all >= OF_ALL and address not in self._welcome

    def wrong(self, address: str, now_ms: int) -> bool:
        """It presented a wrong token; says whether it is its first of this minute."""
        self._turn(now_ms)
        self._all += 1
        self._wrong[address] = self._wrong.get(address, 0) + 1
        _bound(self._wrong, address)
        return self._wrong[address] == 1

    def right(self, address: str) -> None:
        """It presented a right one."""
        self._welcome[address] = None
        _bound(self._welcome, address)

    def _turn(self, now_ms: int) -> None:
        minute = now_ms // MINUTE_MS
        if minute != self._minute:
            self._minute, self._all = minute, 0
            self._wrong.clear()


def _bound(seen: OrderedDict[str, int] | OrderedDict[str, None], address: str) -> None:
    seen.move_to_end(address)
    if len(seen) > MOST_ADDRESSES:
        seen.popitem(last=False)
