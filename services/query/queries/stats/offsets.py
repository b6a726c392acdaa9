"""When a zone has which offset from UTC, cut to quarters of an hour."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import inf
from zoneinfo import ZoneInfo

from services.query.queries.stats.ranges import DAY, QUARTER, Range, Segment, cover
from shared.events.messages import EARLIEST, LATEST


def within_periods(wanted: Range, offset_starts: list[float], grains: tuple[int, ...]) -> list[Segment]:
    """The coarsest buckets of these grains that lie in the range and each in one period of one offset."""
    segments: list[Segment] = []
    for period_start, period_end in pairwise([*offset_starts, inf]):
        start, end = max(period_start, wanted.start), min(period_end, wanted.end)
        if start < end:
            segments += [Segment(grains[0], -inf, inf)] if (start, end) == (-inf, inf) else cover(start, end, grains)
    return segments


@lru_cache(maxsize=32)
def offset_periods(tz: ZoneInfo) -> tuple[list[float], list[int]]:
    """When the zone's offset from UTC changed, and to how many seconds; the first since ever. Offsets are cut to quarters of an hour."""
    starts, offsets = [-inf], [_offset(EARLIEST, tz)]
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


def _offset(time: datetime, tz: ZoneInfo) -> int:
    offset = time.astimezone(tz).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) // QUARTER * QUARTER
