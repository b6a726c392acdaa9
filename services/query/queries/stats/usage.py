"""The answer of /api/usage: tokens and cost by day, model, project or user. Its statements are in usage.sql.

Days of any zone are made of UTC days. A UTC day belongs whole to the interval that an edge rounded to the nearest UTC midnight gives it to.
What lies between an edge and that midnight is then in the wrong interval: it is read from something finer, added to the right interval and
taken off the wrong one. So the days of a year cost a few hours each, in any zone.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from math import floor, inf, isinf
from typing import Any, Final, Literal

from msgspec import Struct

from services.query.database import Connection, Row, rows
from services.query.queries.stats.ranges import DAY, Range, cover, described_range, local_dates, segment_parameters
from services.query.queries.stats.stats import Selection, cost_usd, series_of
from shared.database import ALL
from shared.sql_files import statement

GroupBy = Literal["day", "model", "project", "user"]
# By number of the interval, model ('': not known), id of project or user (0: not known).
Sums = dict[Any, Row]

MEASURES: Final = (
    "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "api_calls", "unpriced_calls", "cost_nano_usd",
)  # fmt: skip
# The largest integer that every reader of JSON takes as it is.
MAX_SHOWN: Final = 2**53 - 1
OUTSIDE: Final = -1

_sql = partial(statement, __package__, "usage.sql")


def usage(connection: Connection, group_by: GroupBy, selection: Selection, model: str | None, wanted: Range) -> Row:
    """Items by `group_by`, and their totals (schemas/usage.py). What has no date is in the totals, and on no day, where the range has no start."""
    if group_by == "day":
        items = _days(connection, selection, model, wanted)
        totals = _shown(_of_range(connection, "day", selection, model, wanted).get(0))
    else:
        found = _of_range(connection, group_by, selection, model, wanted)
        items = _largest_first([key | _shown(row) for key, row in _named(connection, group_by, found)])
        totals = _shown({name: sum(row[name] for row in found.values()) for name in MEASURES})
    return {
        "range": described_range(wanted),
        "group_by": group_by,
        "items": items,
        "totals": totals,
        "price_versions": [row["version"] for row in rows(connection, _sql("price_versions"))],
    }


def _of_range(connection: Connection, key: GroupBy, selection: Selection, model: str | None, wanted: Range) -> Sums:
    """Sums of the whole range; by day, it is one interval with number 0."""
    if model is not None or key == "model":
        return _by_model(connection, key, selection, model, day_edges([wanted.start, wanted.end]))
    parameters = selection.parameters() | segment_parameters(cover(wanted.start, wanted.end))
    parameters |= {
        "key": key,
        "every_project": key == "project" and selection.project_id == ALL,
        "every_user": key == "user" and selection.user_id == ALL,
    }
    return {row.pop("key"): row for row in rows(connection, _sql("of_range"), parameters)}


def _days(connection: Connection, selection: Selection, model: str | None, wanted: Range) -> list[Row]:
    series = series_of(connection, selection, wanted, newest_points=True)
    if not series.edges:
        return []
    cells = day_edges([max(series.edges[0], wanted.start), *series.edges[1:-1], min(series.edges[-1], wanted.end)])
    if model is None:
        parameters = selection.parameters() | cells.finer_parameters()
        found = {row.pop("key"): row for row in rows(connection, _sql("of_days"), parameters)}
    else:
        found = _by_model(connection, "day", selection, model, cells)
    days = local_dates(series.edges, wanted.tz, "day")
    return [{"day": day} | _shown(found.get(number)) for number, day in enumerate(days)]


def _by_model(connection: Connection, key: GroupBy, selection: Selection, model: str | None, cells: "DayEdges") -> Sums:
    # usage_rollups has cells for each project with each user, and for all together.
    listed = key in ("project", "user") or selection != Selection()
    parameters = selection.parameters() | cells.parameters() | {"key": key, "model": model}
    parameters |= {"every_project": listed and selection.project_id == ALL, "every_user": listed and selection.user_id == ALL}
    found: Sums = {}
    for row in rows(connection, _sql("by_model"), parameters):
        name, number = row.pop("model"), row.pop("number")
        found[name if key == "model" else number] = row
    return found


def _named(connection: Connection, group_by: GroupBy, found: Sums) -> list[tuple[Row, Row]]:
    """With the keys as they are shown."""
    if group_by == "model":
        return [({"model": model or None}, row) for model, row in found.items()]
    statement_name = "user_names" if group_by == "user" else "project_names"
    names = {row["id"]: row["name"] for row in rows(connection, _sql(statement_name), {"ids": list(found)})}
    if group_by == "user":
        return [({"user": names.get(user_id)}, row) for user_id, row in found.items()]
    return [({"project_id": project_id or None, "project_name": names.get(project_id)}, row) for project_id, row in found.items()]


def _largest_first(items: list[Row]) -> list[Row]:
    """By cost, then tokens; those whose cost is not known last."""
    return sorted(items, key=lambda item: (item["cost_usd"] is None, -(item["cost_usd"] or 0), -item["total_tokens"], str(item)))


def _shown(row: Row | None) -> Row:
    """Sums as they are shown; None is a row of zeros."""
    if row is None:
        row = dict.fromkeys(MEASURES, 0)
    tokens = {name: min(row[name], MAX_SHOWN) for name in MEASURES[:4]}
    return tokens | {
        "total_tokens": min(sum(tokens.values()), MAX_SHOWN),
        "api_calls": row["api_calls"],
        "unpriced_calls": row["unpriced_calls"],
        "cost_usd": cost_usd(row),
    }


class Correction(Struct, frozen=True):
    """What happened in [start, end) counts in interval `right`, but its day was counted in interval `wrong`. OUTSIDE is none of them."""

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
        return self._days() | _arrays([(each.start, each.end, each) for each in self.corrections])

    def finer_parameters(self) -> Row:
        """The same with the corrections as buckets, whose grains are `grains`."""
        pieces = [(segment, each) for each in self.corrections for segment in cover(each.start, each.end)]
        arrays = _arrays([(segment.start, segment.end, each) for segment, each in pieces])
        return self._days() | arrays | {"grains": [segment.grain_minutes for segment, _ in pieces]}

    def _days(self) -> Row:
        return {"grain": 0 if self.everything else 1440, "first": self.edges[0], "until": self.edges[-1], "edges": self.edges[:-1]}


def day_edges(boundaries: list[float]) -> DayEdges:
    """Intervals between rising boundaries, the first and the last of which may be infinite."""
    edges = [each if isinf(each) else float(floor(each / DAY + 0.5) * DAY) for each in boundaries]
    broken = sorted({floor(each / DAY) * DAY for each in boundaries if not isinf(each) and each % DAY})
    return DayEdges(edges, [piece for day in broken for piece in _corrections(day, boundaries, edges)])


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


def _arrays(pieces: list[tuple[float, float, Correction]]) -> Row:
    return {
        "starts": [float(start) for start, _, _ in pieces],
        "ends": [float(end) for _, end, _ in pieces],
        "rights": [each.right for _, _, each in pieces],
        "wrongs": [each.wrong for _, _, each in pieces],
    }
