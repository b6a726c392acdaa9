"""Active time of a session: the union of [t, t + idle gap) over the times of its records, and of the time in which its subagents ran."""

from bisect import bisect_right
from datetime import datetime, timedelta


class ActiveTime:
    """Takes times one by one. Its memory grows with the pauses that are longer than the gap, not with the records."""

    def __init__(self, idle_gap: timedelta) -> None:
        self._gap = idle_gap
        self.ranges: list[tuple[datetime, datetime]] = []

    def add(self, time: datetime) -> None:
        """Times may come in any order. Fast if they come nearly sorted."""
        end = time + self._gap
        ranges = self.ranges
        if not ranges or time > ranges[-1][1]:
            ranges.append((time, end))
            return
        first, last = ranges[-1]
        if time >= first:
            if end > last:
                ranges[-1] = (first, end)
            return
        self._insert(time, end)

    def add_work(self, start: datetime, end: datetime) -> None:
        """Takes a time in which something worked without a pause."""
        self._insert(start, end + self._gap)

    def _insert(self, start: datetime, end: datetime) -> None:
        ranges = self.ranges
        at = bisect_right(ranges, start, key=lambda known: known[0])
        # Ranges that touch are one, as they are to Postgres.
        if at > 0 and ranges[at - 1][1] >= start:
            at -= 1
            start, end = ranges[at][0], max(end, ranges[at][1])
        until = at
        while until < len(ranges) and ranges[until][0] <= end:
            end = max(end, ranges[until][1])
            until += 1
        ranges[at:until] = [(start, end)]
