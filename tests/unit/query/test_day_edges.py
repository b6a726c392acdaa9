"""Whole UTC days plus corrections count every moment in its own interval exactly once."""

from bisect import bisect_right
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from services.query.queries.stats.day_edges import OUTSIDE, DayEdges, day_edges
from services.query.queries.stats.ranges import DAY, QUARTER

boundaries = st.lists(st.integers(0, 5 * 96).map(lambda n: float(n * QUARTER)), min_size=2, max_size=8, unique=True).map(sorted)


def counted(cells: DayEdges, at: float) -> dict[int, int]:
    """How often a moment counts, by interval."""
    counts: dict[int, int] = {}
    day = at // DAY * DAY
    if cells.edges[0] <= day < cells.edges[-1]:
        counts[bisect_right(cells.edges[:-1], day) - 1] = 1
    for each in cells.corrections:
        if each.start <= at < each.end:
            counts[each.right] = counts.get(each.right, 0) + 1
            counts[each.wrong] = counts.get(each.wrong, 0) - 1
    return {interval: count for interval, count in counts.items() if count and interval != OUTSIDE}


@given(boundaries, st.booleans(), st.booleans())
def test_each_moment_counts_exactly_once_in_its_interval(edges: list[float], open_start: bool, open_end: bool) -> None:
    edges = [-inf if open_start else edges[0], *edges[1:-1], inf if open_end else edges[-1]]
    cells = day_edges(edges)
    for quarter in range(-96, 6 * 96):
        at = float(quarter * QUARTER)
        inside = edges[0] <= at < edges[-1]
        assert counted(cells, at) == ({bisect_right(edges, at) - 1: 1} if inside else {})


def test_a_year_in_another_zone_reads_only_the_offset_hours_from_rows() -> None:
    """given the days of a year in UTC+2, then only two hours of each are read from rows."""
    cells = day_edges([float(n * DAY - 7200) for n in range(366)])
    assert {each.end - each.start for each in cells.corrections} == {7200}
    assert len(cells.corrections) == 366


def test_all_time_is_one_cell() -> None:
    assert day_edges([-inf, inf]) == DayEdges([-inf, inf], [])
    assert day_edges([-inf, inf]).everything
