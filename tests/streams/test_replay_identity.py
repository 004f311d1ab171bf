"""What a replay says depends on its events alone; and the checks of that find a clock, a hash and a float."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from livewarden.alert import Alert
from livewarden.event import Event
from streams.replay import Replay, Result
from tests.replay_world import delivered, fresh, said

Made = type[Replay]


class WallClock(Replay):
    """Says when it was asked."""

    def result(self, since_ms: int | None = None, until_ms: int | None = None) -> Result:
        found = super().result(since_ms, until_ms)
        return replace(found, alerts=[each | {"stored_at": time.perf_counter_ns()} for each in found.alerts])


class HashOrder(Replay):
    """Says things in the order of a set."""

    def result(self, since_ms: int | None = None, until_ms: int | None = None) -> Result:
        found = super().result(since_ms, until_ms)
        names = list({f"{each['monitor']} {each['series']}" for each in found.alerts} | set("abcdefgh"))
        return replace(found, cases=[{"order": names}])


class FloatSum(Replay):
    """Adds up floats as they come."""

    total = 0.0

    def feed(self, events: Iterable[Event]) -> Iterator[Alert]:
        for event in events:
            self.total += 0.1 * event.data.weight * (1 + event.time_ms % 7)
            yield from super().feed([event])

    def result(self, since_ms: int | None = None, until_ms: int | None = None) -> Result:
        return replace(super().result(since_ms, until_ms), alerts=[{"total": self.total}])


def check_asked_twice_it_says_the_same(made: Made) -> None:
    assert said(fresh(made=made), [delivered()]) == said(fresh(made=made), [delivered()])


def interleaved(events: Iterable[Event], random: random.Random) -> list[list[Event]]:
    """The same events in batches of any size, each partition in its own order and any distance before the others."""
    left: dict[int, list[Event]] = {}
    for event in events:
        left.setdefault(event.partition, []).append(event)
    parts = []
    while left:
        place = random.choice(sorted(left))
        size = random.choice([1, 7, 90, 400])
        parts.append(left[place][:size])
        left[place] = left[place][size:]
        if not left[place]:
            del left[place]
    return parts


def check_order_between_partitions_and_batches_change_nothing(made: Made) -> None:
    whole = said(fresh(made=made), [delivered()])

    @settings(max_examples=5, deadline=None, phases=[Phase.generate], database=None)
    @given(st.randoms(use_true_random=False), st.sampled_from([1, 2, 3]))
    def shuffled(random: random.Random, partitions: int) -> None:
        parts = interleaved(delivered(partitions), random)
        found = said(fresh(partitions, made), parts)
        assert (found.alerts, found.cases, found.buckets) == (whole.alerts, whole.cases, whole.buckets)

    shuffled()


@cache
def digests(seed: str) -> dict[str, str]:
    """What each says with that hash seed, in a process of its own."""
    script = (
        "import hashlib, orjson\n"
        "from streams.replay import Replay\n"
        "from tests.replay_world import delivered, fresh, said\n"
        "from tests.streams.test_replay_identity import HashOrder\n"
        "for made in (Replay, HashOrder):\n"
        "    found = said(fresh(made=made), [delivered()])\n"
        "    print(made.__name__, hashlib.sha256(orjson.dumps([found.alerts, found.cases])).hexdigest())\n"
    )
    root = str(Path(__file__).parents[2])
    env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, env=env, check=True, capture_output=True, text=True, timeout=120
    )
    return dict(line.split() for line in done.stdout.splitlines())


def check_hash_seed_changes_nothing(made: Made) -> None:
    assert digests("0")[made.__name__] == digests("1")[made.__name__]


CHECKS: list[Callable[[Made], None]] = [
    check_asked_twice_it_says_the_same,
    check_order_between_partitions_and_batches_change_nothing,
    check_hash_seed_changes_nothing,
]
PLANTED = [
    (WallClock, check_asked_twice_it_says_the_same),
    (FloatSum, check_order_between_partitions_and_batches_change_nothing),
    (HashOrder, check_hash_seed_changes_nothing),
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_replay_passes(check: Callable[[Made], None]) -> None:
    assert said(fresh(), [delivered()]).alerts
    check(Replay)


@pytest.mark.parametrize(("made", "check"), PLANTED, ids=lambda each: each.__name__)
def test_what_was_planted_is_found(made: Made, check: Callable[[Made], None]) -> None:
    with pytest.raises(AssertionError):
        check(made)
