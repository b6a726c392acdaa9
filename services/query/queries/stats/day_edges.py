"""Intervals of any zone, made of UTC days.

A UTC day belongs whole to the interval that an edge rounded to the nearest UTC midnight gives it to. Data between an edge and that midnight is then
in the wrong interval: it is read from finer buckets, added to the right interval and subtracted from the wrong one. So the days of a year cost a few
hours each, in any zone.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from math import floor, inf, isinf
from typing import Final

from msgspec import Struct

from services.query.database import Row
from services.query.queries.stats.ranges import DAY, Segment, cover

# No interval.
OUTSIDE: Final = -1


class Correction(Struct, frozen=True):
    """Data in [start, end) belongs to interval `right`, but its day was counted in interval `wrong`. Each may be OUTSIDE."""

    start: float
    end: float
    right: int
    wrong: int


class DayEdges(Struct, frozen=True):
    """Days that begin in [edges[0], edges[-1]) belong to the interval after the last edge that is not later."""

    edges: list[float]
    corrections: list[Correction]

    @property
    def everything(self) -> bool:
        """Whether it is one interval without any end: then a rollup's cell of all time is enough."""
        return self.edges == [-inf, inf]

    def parameters(self) -> Row:
        """For SQL: `grain`, `first`, `until` and `edges` of the rollup, and the corrections as arrays."""
        return self._days() | correction_arrays([(each.start, each.end, each) for each in self.corrections])

    def finer_parameters(self) -> Row:
        """The same with the corrections as buckets, whose grains are `grains`."""
        pieces = [(segment, day, each) for each in self.corrections for day, segments in (_within_day(each),) for segment in segments]
        arrays = correction_arrays([(day + segment.start, day + segment.end, each) for segment, day, each in pieces])
        return self._days() | arrays | {"grains": [segment.grain_minutes for segment, _, _ in pieces]}

    def _days(self) -> Row:
        return {"grain": 0 if self.everything else 1440, "first": self.edges[0], "until": self.edges[-1], "edges": self.edges[:-1]}


def _within_day(correction: Correction) -> tuple[float, tuple[Segment, ...]]:
    """The UTC day of a correction, and the buckets that make it up, since the day's start. Most days of a zone have the same."""
    day = floor(correction.start / DAY) * DAY
    return day, _buckets(correction.start - day, correction.end - day)


@lru_cache(maxsize=1024)
def _buckets(start: float, end: float) -> tuple[Segment, ...]:
    return tuple(cover(start, end, (60, 15)))


def day_edges(boundaries: list[float]) -> DayEdges:
    """Intervals between rising boundaries; the first and the last boundary may be infinite."""
    edges = [each if isinf(each) else float(floor(each / DAY + 0.5) * DAY) for each in boundaries]
    broken = sorted({floor(each / DAY) * DAY for each in boundaries if not isinf(each) and each % DAY})
    return DayEdges(edges, [piece for day in broken for piece in _corrections(day, boundaries, edges)])


def cells_of_one_grain(cells: Segment, edges: Sequence[float]) -> Row:
    """The same parameters for cells none of which lies on both sides of an edge."""
    read = {
        "grain": cells.grain_minutes,
        "first": float(cells.start),
        "until": float(cells.end),
        "edges": [float(each) for each in edges[:-1]],
    }
    return read | correction_arrays([]) | {"grains": []}


def _corrections(day: int, boundaries: list[float], edges: list[float]) -> Iterator[Correction]:
    wrong = _interval(day, edges)
    cuts = boundaries[bisect_right(boundaries, day) : bisect_left(boundaries, day + DAY)]
    for start, end in pairwise([day, *cuts, day + DAY]):
        right = _interval(start, boundaries)
        if right != wrong:
            yield Correction(start, end, right, wrong)


def _interval(time: float, boundaries: list[float]) -> int:
    number = bisect_right(boundaries, time) - 1
    return number if number < len(boundaries) - 1 else OUTSIDE


def correction_arrays(pieces: list[tuple[float, float, Correction]]) -> Row:
    """Corrections as the parameters `starts`, `ends`, `rights` and `wrongs` of SQL: of each the part from a time to a time."""
    return {
        "starts": [float(start) for start, _, _ in pieces],
        "ends": [float(end) for _, end, _ in pieces],
        "rights": [each.right for _, _, each in pieces],
        "wrongs": [each.wrong for _, _, each in pieces],
    }
