"""`python -m tests.drill`: every fault in turn; exit code 1 where one lost, doubled or changed anything,
or took too long.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.apache_kafka import ApacheKafka
from tests.drill.faults import FAULTS, Fault
from tests.drill.field import GIVE_UP_S, Judgement, field, judged

MOST_S = 60.0
"""A group may take so long to catch up, seconds."""


@dataclass(frozen=True)
class Row:
    """A fault, and what it cost."""

    fault: Fault
    judgement: Judgement
    took_s: list[float]
    worker_s: list[float]

    @property
    def held(self) -> bool:
        good = self.judgement == Judgement(0, 0, True)
        quick = max(self.worker_s) <= (self.fault.most_s or float("inf"))
        return good and quick and max(self.took_s) <= MOST_S

    def __str__(self) -> str:
        ordered = sorted(self.took_s)
        worker = f"; a worker took at most {max(self.worker_s):.1f}" if self.fault.most_s else ""
        return (
            f"{self.fault.name} | {len(ordered)} | {self.judgement.lost} | {self.judgement.doubled} |"
            f" {'yes' if self.judgement.identical else 'no'} |"
            f" median {ordered[len(ordered) // 2]:.1f}, at most {ordered[-1]:.1f}{worker}"
        )


async def tried(fault: Fault, tries: int, kafka: ApacheKafka, until: float) -> Row:
    """Try a fault, as often as asked or until that time of the monotonic clock."""
    took, worker = [], []
    with tempfile.TemporaryDirectory(prefix="livewarden-drill-") as folder:
        async with field(kafka, Path(folder), 4 * tries + 1, fault.idle_after_s) as (here, address):
            for number in range(tries):
                worker.append(await fault.do(here))
                try:
                    took.append(await here.caught_up())
                except TimeoutError:
                    took.append(GIVE_UP_S)
                    for each in here.workers:
                        print(f"-- {fault.name}: a worker's log ends\n{each.process.said()[-3000:]}", file=sys.stderr)
                print(f"   {fault.name}, {number + 1} of {tries}: {took[-1]:.1f} s", file=sys.stderr, flush=True)
                if time.monotonic() > until or took[-1] >= GIVE_UP_S:
                    break
            return Row(fault, await judged(here, address), took, worker)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one or two tries of each, within 4 minutes")
    parser.add_argument("--only", default="", help="faults whose name contains this")
    parser.add_argument("--tries", type=int, default=0, help="so many tries of each")
    parser.add_argument("--within", type=float, default=5400.0, help="begin no try after so many seconds")
    asked = parser.parse_args()
    until = time.monotonic() + (210.0 if asked.short else asked.within)
    print(
        "fault | tries | lost | doubled | identical | seconds to catch up\n--- | --- | --- | --- | --- | ---",
        flush=True,
    )
    held = True
    with ApacheKafka() as kafka:
        for fault in FAULTS:
            tries = asked.tries or (fault.short if asked.short else fault.tries)
            if asked.only not in fault.name or not tries:
                continue
            if time.monotonic() > until:
                print(f"{fault.name} | 0: the time was over | | | |", flush=True)
            else:
                row = asyncio.run(tried(fault, tries, kafka, until))
                print(row, flush=True)
                held = held and row.held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
