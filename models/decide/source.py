"""Whether a source sends: silence that has lasted, and buckets with next to nothing, which are as good as none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from livewarden.alert import Alert
from livewarden.times import HOUR_MS
from models.decide.alert import gap_alert
from models.detect.volume import Volume
from models.monitors.monitor import Monitor


class SourceState:
    """The source behind a `silence` monitor.

    A bucket that holds under 2 % of the usual is no news of it: it ends no gap, and what other monitors count of the
    same source is not judged in it. Such a fall is the source's, and what comes after it may be what piled up.
    """

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.gap: Alert | None = None
        self._volume = Volume(monitor.bucket)
        self._weighed: dict[int, tuple[float, float] | None] = {}
        self._until = 0

    def weigh(self, start: int, total: float, series: int) -> None:
        """Take the whole volume of a bucket, of so many series. In order; one that was weighed before counts once."""
        if start >= self._until:
            self._until = start + self.monitor.bucket
            usual = self._volume.usual
            self._weighed[start] = (total, usual) if self._volume.trickle(start, total, series) else None

    def judged(self, until_ms: int) -> None:
        """All buckets before that moment were looked at: the last ones are enough."""
        since = until_ms - max(self._reach, self.monitor.gap_after * self.monitor.bucket)
        self._weighed = {at: few for at, few in self._weighed.items() if at >= since}

    @property
    def _reach(self) -> int:
        return max(self.monitor.bucket, HOUR_MS)

    def concerns(self, monitor: Monitor) -> bool:
        """Whether a monitor looks at this source."""
        mine = self.monitor
        if monitor.event != mine.event or monitor.precision != mine.precision or monitor.bucket > self._reach:
            return False
        return all(monitor.where.get(name) == values for name, values in mine.where.items())

    def counted_by(self, monitor: Monitor) -> bool:
        """Whether what a monitor counts in a bucket is volume of this source."""
        same = monitor.bucket == self.monitor.bucket and monitor.detector != "silence"
        return same and monitor.measured[0] == "count" and self.concerns(monitor)

    def trickles(self, monitor: Monitor, start: int) -> bool:
        """Whether next to nothing came in a monitor's bucket from this source, whatever is counted of it."""
        if not self.concerns(monitor):
            return False
        inside = [few for at, few in self._weighed.items() if start <= at < start + monitor.bucket]
        return bool(inside) and all(few is not None for few in inside)

    def gaps(self, due: Iterable[int], since: int | None, heard_until: int) -> Iterator[tuple[int, int]]:
        """Where silence has lasted long enough to be notified: (start, moment of notification).

        `due`: the buckets that are complete, in order; `since`: up to where the source was heard before them.
        """
        patience = self.monitor.gap_after * self.monitor.bucket
        for start in due:
            if self._weighed.get(start) is not None:
                continue
            if since is not None and start - since >= patience:
                yield since, since + patience
            since = start + self.monitor.bucket
        if since is not None and heard_until - since >= patience:
            yield since, since + patience

    def fall_silent(self, start: int, until: int) -> list[Alert]:
        """Silence since `start` has lasted until `until`: a gap, where it is not one already. It says "nothing came",
        or how little did.
        """
        if self.gap is not None:
            return []
        alert = gap_alert(self.monitor, start, until)
        came = [few for at, few in sorted(self._weighed.items()) if few is not None and start <= at < until]
        if came:
            expected = came[0][1] * (until - start) / self.monitor.bucket
            alert = replace(alert, observed=sum(total for total, _ in came), expected=expected)
        self.gap = alert
        return [alert]

    def heard(self, start: int) -> list[Alert]:
        """The source sends again: the end of the gap, where there was one."""
        gap, self.gap = self.gap, None
        return [gap.resolved(start)] if gap is not None else []

    def mend(self, until_ms: int) -> None:
        """Forget what is from `until_ms` on."""
        self._until = min(self._until, until_ms)
        self._weighed = {at: few for at, few in self._weighed.items() if at < until_ms}

    def snapshot(self) -> list[Any]:
        """All state but the gap, as plain JSON values."""
        weighed = [[start, *(few or ())] for start, few in self._weighed.items()]
        return [self._volume.snapshot(), weighed, self._until]

    def restore(self, state: list[Any] | None, gap: Alert | None) -> None:
        """Go on from `snapshot`, None where nothing is known of its volume, and from the gap that is open."""
        self.gap = gap
        if state is not None:
            volume, weighed, self._until = state
            self._volume.restore(volume)
            self._weighed = {start: (few[0], few[1]) if few else None for start, *few in weighed}
