"""A histogram of the times of calls, by latency_bucket() of the schema, and its percentiles."""

from bisect import bisect_left
from itertools import accumulate
from typing import Final

from msgspec import Struct

from services.query.queries.stats.packed_counters import TIMES_DIGITS, unpacked


class Percentiles(Struct, frozen=True, forbid_unknown_fields=True):
    """In milliseconds; None of no calls. And of how many calls they are."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    calls: int = 0

    def shown(self, max_ms: float) -> "Percentiles":
        """Rounded. The middle of a histogram's bucket may lie above all that is in it."""
        p50, p95, p99 = (None if each is None else round(min(each, max_ms), 1) for each in (self.p50_ms, self.p95_ms, self.p99_ms))
        return Percentiles(p50, p95, p99, self.calls)


NO_PERCENTILES: Final = Percentiles()


class Histogram:
    """Calls by bucket. The place of a bucket is one more than its number, as in the vectors of tool_rollups."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: list[int] = []

    def add_vector(self, vector: str) -> None:
        """All calls of a vector."""
        calls = unpacked(vector, TIMES_DIGITS)
        if not self._calls:
            self._calls = calls
            return
        for place, number in enumerate(calls):
            self.add(place - 1, number)

    def add(self, bucket: int, calls: int) -> None:
        """So many calls; those that a negative number takes away were added before."""
        place = bucket + 1
        if place >= len(self._calls):
            self._calls += [0] * (place + 1 - len(self._calls))
        # A day that no vector can hold was not added.
        self._calls[place] = max(self._calls[place] + calls, 0)

    def percentiles(self) -> Percentiles:
        """For each the middle of the first bucket up to which there are at least that share of the calls."""
        up_to = list(accumulate(self._calls))
        if not up_to or not up_to[-1]:
            return NO_PERCENTILES
        p50, p95, p99 = (_middle(bisect_left(up_to, -(-percent * up_to[-1] // 100)) - 1) for percent in (50, 95, 99))
        return Percentiles(p50, p95, p99, up_to[-1])


def _middle(bucket: int) -> float:
    """In milliseconds, as latency_of in the schema."""
    return 0.0 if bucket < 0 else 2 * 1.02**bucket / 2.02
