"""The stats object: totals and series out of activity_rollups, at the coarsest buckets that fit the range."""

from math import inf

from msgspec import Struct

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import shown
from services.query.queries.stats import files, heatmap, tools, top_files
from services.query.queries.stats.bucket_ranges import IN_SEGMENT, SEGMENTS, segment_parameters
from services.query.queries.stats.ranges import Interval, Range, Segment, at, cover, cover_series, newest, series_edges, series_range
from shared.database import ALL

_MEASURES = (
    "sessions", "wall_us", "active_us", "user_messages", "assistant_messages", "files_modified", "lines_added", "lines_removed",
    "tool_calls", "tool_errors", "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "api_calls", "unpriced_calls", "cost_nano_usd",
)  # fmt: skip
# Microseconds and cost become other units here, and need not be whole.
_SUMS = ", ".join(
    f"coalesce(sum(r.{name}), 0)::float8 AS {name}"
    if name in ("wall_us", "active_us", "cost_nano_usd")
    else shown(f"coalesce(sum(r.{name}), 0)", name)
    for name in _MEASURES
)

_ROLLUP = f"""(SELECT * FROM activity_rollups WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND {IN_SEGMENT} OFFSET 0) AS r"""

# The gap that the database counts with, or is going to (services/worker/fixed_settings.py).
_TOTALS = f"""
    SELECT {_SUMS},
           coalesce((SELECT CAST(value AS integer) FROM fixed_settings WHERE name = 'idle_gap_seconds'), CAST(%(told)s AS integer)) AS idle_gap_seconds
    FROM {SEGMENTS} CROSS JOIN LATERAL {_ROLLUP}
"""

_SERIES = f"""
    SELECT width_bucket(date_part('epoch', r.bucket_start), CAST(%(edges)s AS float8[])) - 1 AS i, {_SUMS}
    FROM {SEGMENTS} CROSS JOIN LATERAL {_ROLLUP}
    WHERE r.bucket_start > '-infinity'
    GROUP BY i
"""

_BOUNDS = """
    SELECT date_part('epoch', min(bucket_start)) AS first, date_part('epoch', max(bucket_start)) + 900 AS last
    FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 15 AND bucket_start > '-infinity'
"""

_USERS = f"""
    SELECT u.name AS user, {_SUMS}
    FROM (SELECT 0 AS id, NULL AS name UNION ALL SELECT id, name FROM users) AS u
    CROSS JOIN {SEGMENTS}
    CROSS JOIN LATERAL (SELECT * FROM activity_rollups WHERE project_id = %(project_id)s AND user_id = u.id AND {IN_SEGMENT} OFFSET 0) AS r
    GROUP BY u.id, u.name
    ORDER BY sum(r.active_us) DESC, sum(r.sessions) DESC, u.id
"""


class Scope(Struct, frozen=True):
    """Of whom: one project or all, one user or all."""

    project_id: int = ALL
    user_id: int = ALL

    def keys(self) -> Row:
        """As parameters."""
        return {"project_id": self.project_id, "user_id": self.user_id}


class Series(Struct, frozen=True):
    """The intervals of a time series, how long they are, and the buckets that make them up. Without intervals there is no data."""

    interval: Interval
    edges: list[int]
    segments: list[Segment]


def stats(connection: Connection, scope: Scope, wanted: Range, idle_gap_seconds: int) -> Row:
    """Everything about a scope in a range, but for the project itself."""
    segments = cover(wanted.start, wanted.end)
    series = series_of(connection, scope, wanted)
    return {
        "range": described(wanted, series),
        "totals": _totals(connection, scope, wanted, segments, idle_gap_seconds),
        "time_series": _time_series(connection, scope, series),
        "tools": tools.summary(connection, scope.project_id, scope.user_id, None, segments),
        "top_files": top_files.top(connection, scope.project_id, wanted, segments),
        "users": _users(connection, scope, segments),
        "heatmap": heatmap.heatmap(connection, scope.project_id, scope.user_id, wanted),
    }


def described(wanted: Range, series: Series) -> Row:
    """The range that was counted, widened to quarters of an hour, and the interval of its series."""
    return {"start": at(wanted.start), "end": at(wanted.end), "tz": wanted.tz.key, "interval": series.interval}


def series_of(connection: Connection, scope: Scope, wanted: Range, *, newest_points: bool = False) -> Series:
    """The intervals between the range's ends, or where those are open, the data's. BadRequest if there are too many of the length asked for; with
    `newest_points` the newest of them are given instead."""
    bounds = {"first": None, "last": None}
    if inf in (wanted.end, -wanted.start):
        bounds = rows(connection, _BOUNDS, scope.keys())[0]
    first, last = bounds["first"], bounds["last"]
    if first is None and inf in (wanted.end, -wanted.start):
        return Series(wanted.interval or "day", [], [])
    if newest_points:
        wanted = newest(wanted, first or 0, last or 0)
    wanted = series_range(wanted, first or 0, last or 0)
    assert wanted.interval is not None
    edges = series_edges(wanted, first or 0, last or 0)
    return Series(wanted.interval, edges, cover_series(wanted, edges) if edges else [])


def series_rows(connection: Connection, scope: Scope, series: Series) -> dict[int, Row]:
    """By number of the interval, the sums of those that are not empty."""
    if not series.edges:
        return {}
    parameters = scope.keys() | segment_parameters(series.segments) | {"edges": series.edges[:-1]}
    return {row.pop("i"): row for row in rows(connection, _SERIES, parameters)}


def _totals(connection: Connection, scope: Scope, wanted: Range, segments: list[Segment], idle_gap_seconds: int) -> Row:
    found = rows(connection, _TOTALS, scope.keys() | segment_parameters(segments) | {"told": idle_gap_seconds})[0]
    kept = found.pop("idle_gap_seconds")
    if not wanted.everything:
        found["files_modified"] = files.distinct(connection, scope.project_id, segments)
    measures = _measures(found)
    return {"sessions": measures.pop("sessions"), "time_minutes": measures.pop("time_minutes"),
            "active_minutes": measures.pop("active_minutes"), "idle_gap_seconds": kept} | measures  # fmt: skip


def _time_series(connection: Connection, scope: Scope, series: Series) -> list[Row]:
    found = series_rows(connection, scope, series)
    if found and not _counts_files_exactly(series):
        distinct = files.distinct_by_interval(connection, scope.project_id, series.segments, series.edges)
        for number, row in found.items():
            row["files_modified"] = distinct.get(number, 0)
    return [
        {"start": at(edge)} | (_measures(found[number]) if number in found else _NOTHING) for number, edge in enumerate(series.edges[:-1])
    ]


def _counts_files_exactly(series: Series) -> bool:
    """Whether an interval is one bucket, whose count of distinct files is kept."""
    own = {"hour": 60, "day": 1440}.get(series.interval)
    return all(each.grain_minutes == own for each in series.segments)


def _users(connection: Connection, scope: Scope, segments: list[Segment]) -> list[Row]:
    found = rows(connection, _USERS, scope.keys() | segment_parameters(segments))
    wanted = (
        "sessions",
        "messages",
        "active_minutes",
        "tool_calls",
        "lines_added",
        "lines_removed",
        "api_calls",
        "unpriced_calls",
        "cost_usd",
    )
    return [{"user": row["user"]} | {name: measures[name] for name in wanted} for row in found if (measures := _measures(row)) != _NOTHING]


def _measures(row: Row) -> Row:
    """Sums of integers as they are shown."""
    return {
        "sessions": row["sessions"],
        "time_minutes": round(row["wall_us"] / 60e6, 1),
        "active_minutes": round(row["active_us"] / 60e6, 1),
        "messages": row["user_messages"] + row["assistant_messages"],
        **{name: row[name] for name in _MEASURES[3:-1]},
        "cost_usd": cost_usd(row),
    }


def cost_usd(row: Row) -> float | None:
    """What the calls whose price is known cost together, or what a claude.json says; None where neither is, since unknown is not 0."""
    is_priced = row["api_calls"] > row["unpriced_calls"] or row["cost_nano_usd"] > 0
    return float(row["cost_nano_usd"]) / 1e9 if is_priced else None


_NOTHING = _measures(dict.fromkeys(_MEASURES, 0))
