"""The heatmap: active time by weekday and hour of a time zone.

A week's row of activity_rollups knows its quarters of an hour. The weeks, and at the edges quarters, are added up in UTC, apart for each
stretch of time in which the zone's offset is the same; the few sums are then moved by that offset here. So an hour of a summer and of a
winter land where the clock on the wall put them.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import inf
from zoneinfo import ZoneInfo

from services.query.database import Connection, Row, rows
from services.query.queries.stats.bucket_ranges import IN_SEGMENT, SEGMENTS, segment_parameters
from services.query.queries.stats.packed_counters import ACTIVE_DIGITS, counters, holds
from services.query.queries.stats.ranges import DAY, HOUR, QUARTER, WEEK, Range, Segment, cover
from shared.messages import EARLIEST, LATEST

_ACTIVE = f"""
    SELECT width_bucket(date_part('epoch', bucket_start), CAST(%(offset_starts)s AS float8[])) AS period,
        sum(CASE r.grain_minutes WHEN 10080 THEN active_by_quarter ELSE placed(active_us, quarter_of_week(bucket_start), {ACTIVE_DIGITS}) END)::text AS active,
        sum(active_us) AS active_us
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT grain_minutes, bucket_start, active_us, active_by_quarter FROM activity_rollups
        WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND {IN_SEGMENT} AND bucket_start > '-infinity' AND active_us > 0 OFFSET 0) AS r
    GROUP BY 1
"""

# Where there is more than a vector can hold: of hours or quarters, each by itself.
_ACTIVE_APART = f"""
    SELECT width_bucket(date_part('epoch', bucket_start), CAST(%(offset_starts)s AS float8[])) AS period, quarter_of_week(bucket_start) AS quarter,
        sum(active_us) AS active_us
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT bucket_start, active_us FROM activity_rollups
        WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND {IN_SEGMENT} AND bucket_start > '-infinity' AND active_us > 0 OFFSET 0) AS r
    GROUP BY 1, 2
"""


def heatmap(connection: Connection, project_id: int, user_id: int, wanted: Range) -> list[Row]:
    """168 rows: weekday (0 is Monday), hour, active minutes."""
    starts, offsets = offset_periods(wanted.tz)
    keys = {"project_id": project_id, "user_id": user_id, "offset_starts": starts}
    # What begins with the zone's hours can be read by the hour.
    fine = (60, 15) if all(offset % HOUR == 0 for offset in offsets) else (15,)
    found = rows(connection, _ACTIVE, segment_parameters(_segments(wanted, starts, (10080, *fine))) | keys)
    if all(row["active_us"] < holds(ACTIVE_DIGITS) for row in found):
        active = [(row["period"], quarter, us) for row in found for quarter, us in counters(row["active"], ACTIVE_DIGITS)]
    else:
        apart = rows(connection, _ACTIVE_APART, segment_parameters(_segments(wanted, starts, fine)) | keys)
        active = [(row["period"], row["quarter"], int(row["active_us"])) for row in apart]
    active_us = [0] * 168
    for period, quarter, microseconds in active:
        active_us[(quarter * QUARTER + offsets[period - 1]) % WEEK // HOUR] += microseconds
    return [{"weekday": n // 24, "hour": n % 24, "active_minutes": round(active_us[n] / 60e6, 1)} for n in range(168)]


def _segments(wanted: Range, offset_starts: list[float], grains: tuple[int, ...]) -> list[Segment]:
    """The coarsest buckets of these grains that lie in one stretch."""
    stretches = pairwise([*offset_starts, inf])
    return [
        segment
        for start, end in stretches
        if max(start, wanted.start) < min(end, wanted.end)
        for segment in _weeks(max(start, wanted.start), min(end, wanted.end), grains)
    ]


def _weeks(start: float, end: float, grains: tuple[int, ...]) -> list[Segment]:
    return [Segment(grains[0], -inf, inf)] if start == -inf and end == inf else cover(start, end, grains)


@lru_cache(maxsize=32)
def offset_periods(tz: ZoneInfo) -> tuple[list[float], list[int]]:
    """When the zone's offset from UTC changed, and to how many seconds; the first since ever. Offsets are cut to quarters of an hour."""
    starts, offsets = [float("-inf")], [_offset(EARLIEST, tz)]
    day = EARLIEST
    # Only in the years that can have events, and as far as rules reach.
    while day < min(LATEST, datetime.now(UTC) + timedelta(days=731)):
        following = day + timedelta(days=1)
        if _offset(following, tz) != offsets[-1]:
            quarter = next(t for t in (day + timedelta(seconds=n) for n in range(0, DAY + 1, QUARTER)) if _offset(t, tz) != offsets[-1])
            starts.append(quarter.timestamp())
            offsets.append(_offset(quarter, tz))
        day = following
    return starts, offsets


def _offset(at: datetime, tz: ZoneInfo) -> int:
    offset = at.astimezone(tz).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // QUARTER * QUARTER
