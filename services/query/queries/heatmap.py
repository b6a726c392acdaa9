"""The heatmap: active time by weekday and hour of a time zone.

The database adds up by hour of the week in UTC, apart for each stretch of time in which the zone's offset is the same; the few sums are
then moved by that offset here. So an hour of a summer and of a winter land where the clock on the wall put them.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.query.queries.paging import Row, rows
from services.query.queries.ranges import DAY, HOUR, QUARTER, Range, Segment, at_most_hours
from services.query.queries.segments import IN_SEGMENT, SEGMENTS, segment_parameters
from shared.messages import EARLIEST, LATEST

_WEEK = 7 * DAY
# 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3

_ACTIVE = f"""
    SELECT width_bucket(r.epoch, CAST(:offset_starts AS float8[])) AS period,
        (r.epoch::bigint % 604800) / :slot_seconds AS slot, sum(r.active_us)::bigint AS active_us
    FROM {SEGMENTS}
    CROSS JOIN LATERAL (SELECT date_part('epoch', bucket_start) AS epoch, active_us FROM activity_rollups
        WHERE project_id = :project_id AND user_id = :user_id AND {IN_SEGMENT} AND bucket_start > '-infinity' AND active_us > 0 OFFSET 0) AS r
    GROUP BY 1, 2
"""


def heatmap(connection: Connection, project_id: int, user_id: int, wanted: Range, segments: list[Segment]) -> list[Row]:
    """168 rows: weekday (0 is Monday), hour, active minutes."""
    starts, offsets = offset_periods(wanted.tz)
    whole_hours = all(offset % HOUR == 0 for offset in offsets)
    slot_seconds = HOUR if whole_hours else QUARTER
    fine = at_most_hours(segments) if whole_hours else [Segment(15, segments[0].start, segments[-1].end)] if segments else []
    keys = {"project_id": project_id, "user_id": user_id, "offset_starts": starts, "slot_seconds": slot_seconds}
    active_us = [0] * 168
    for row in rows(connection, _ACTIVE, segment_parameters(fine) | keys):
        local = int(row["slot"]) * slot_seconds + offsets[row["period"] - 1]
        active_us[(local + _FIRST_WEEKDAY * DAY) % _WEEK // HOUR] += row["active_us"]
    return [{"weekday": n // 24, "hour": n % 24, "active_minutes": round(active_us[n] / 60e6, 1)} for n in range(168)]


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
