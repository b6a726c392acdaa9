"""Intervals as whole UTC days, and what has to be put right around their edges.

A day belongs whole to the interval that an edge rounded to the nearest UTC midnight gives it to. What lies between an edge and that midnight is
then in the wrong interval: it is read from something finer, added here and taken off there. So the days of a year cost a few hours each, in any
zone, and a year costs hours, wherever it begins.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from math import floor, inf, isinf

from msgspec import Struct

from services.query.database import Row
from services.query.queries.stats.ranges import DAY, Segment, cover

NONE = -1


class Correction(Struct, frozen=True):
    """What happened in [start, end) counts in interval `right`, but its day was counted in interval `wrong`. NONE is outside of all."""

    start: float
    end: float
    right: int
    wrong: int


class DayCells(Struct, frozen=True):
    """Days that begin in [edges[0], edges[-1]) belong to the interval after the last edge that is not later."""

    edges: list[float]
    corrections: list[Correction]

    @property
    def everything(self) -> bool:
        """Whether it is one interval without any end: then a rollup's cell of all time is enough."""
        return self.edges == [-inf, inf]


def day_cells(boundaries: list[float]) -> DayCells:
    """Intervals between rising boundaries, the first and the last of which may be infinite."""
    edges = [each if isinf(each) else float(floor(each / DAY + 0.5) * DAY) for each in boundaries]
    broken = sorted({floor(each / DAY) * DAY for each in boundaries if not isinf(each) and each % DAY})
    return DayCells(edges, [piece for day in broken for piece in _corrections(day, boundaries, edges)])


def _corrections(day: int, boundaries: list[float], edges: list[float]) -> Iterator[Correction]:
    wrong = _interval(day, edges)
    cuts = boundaries[bisect_right(boundaries, day) : bisect_left(boundaries, day + DAY)]
    for start, end in pairwise([day, *cuts, day + DAY]):
        right = _interval(start, boundaries)
        if right != wrong:
            yield Correction(start, end, right, wrong)


def _interval(at: float, boundaries: list[float]) -> int:
    number = bisect_right(boundaries, at) - 1
    return number if number < len(boundaries) - 1 else NONE


def finer(corrections: list[Correction]) -> list[tuple[Segment, Correction]]:
    """The buckets of hours and quarters that they are made up of."""
    return [(segment, each) for each in corrections for segment in cover(each.start, each.end)]


def cell_parameters(cells: DayCells) -> Row:
    """For SQL: `grain`, `first`, `until` and `edges` of the rollup, and the corrections as arrays."""
    days = {"grain": 0 if cells.everything else 1440, "first": cells.edges[0], "until": cells.edges[-1], "edges": cells.edges[:-1]}
    return days | _arrays([(each.start, each.end, each) for each in cells.corrections])


def finer_cell_parameters(cells: DayCells) -> Row:
    """The same with the corrections as buckets, whose grains are `grains`."""
    pieces = finer(cells.corrections)
    arrays = _arrays([(segment.start, segment.end, each) for segment, each in pieces])
    return cell_parameters(cells) | arrays | {"grains": [segment.grain_minutes for segment, _ in pieces]}


def _arrays(pieces: list[tuple[float, float, Correction]]) -> Row:
    return {
        "starts": [float(start) for start, _, _ in pieces],
        "ends": [float(end) for _, end, _ in pieces],
        "rights": [each.right for _, _, each in pieces],
        "wrongs": [each.wrong for _, _, each in pieces],
    }
