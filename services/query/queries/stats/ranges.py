"""The dates of a request as instants: days in a time zone, the edges of a series, and which buckets cover them.

Instants are seconds since 1970 here; -inf and inf stand for a side that is open. Aggregates are kept per quarter of an hour.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import ceil, floor, inf, isinf
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from services.query.answers.stats import Interval, UsageRange
from shared.events.messages import EARLIEST, LATEST
from shared.http.errors import BadRequest, invalid

QUARTER, HOUR, DAY, WEEK = 900, 3_600, 86_400, 604_800
GRAINS = (10_080, 1_440, 60, 15)
# Weeks begin on a Monday; 1970-01-01 was a Thursday.
_FIRST_MONDAY = 4 * DAY
# The most points of a series: ten years of days, or half a year of hours; about a megabyte. Any range fits by month.
MAX_POINTS = 4_000

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECONDS: dict[Interval, int] = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 28 * DAY}
_COARSER: tuple[Interval, ...] = ("day", "week", "month")


class Range(Struct, frozen=True):
    """[start, end) in seconds, on quarters of an hour. Without an interval its series has days, or what is coarser if those are too many."""

    start: float
    end: float
    tz: ZoneInfo
    interval: Interval | None = None

    @property
    def everything(self) -> bool:
        return isinf(self.start) and isinf(self.end)

    @property
    def is_open(self) -> bool:
        """Whether it has no start or no end."""
        return isinf(self.start) or isinf(self.end)

    @property
    def start_time(self) -> datetime | None:
        """None if the range is open there."""
        return at(self.start)

    @property
    def end_time(self) -> datetime | None:
        """Exclusive; None if the range is open there."""
        return at(self.end)


class Segment(Struct, frozen=True):
    """Buckets of one grain: those that start in [start, end)."""

    grain_minutes: int
    start: float
    end: float


EVERYTHING = [Segment(0, -inf, inf)]


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; 400 if the name is unknown."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError):
        # ZoneInfoNotFoundError is a KeyError, handled below; names that are paths or too long end here.
        raise invalid("tz", "not a known time zone; use an IANA name such as Europe/Berlin") from None
    except KeyError:
        raise invalid("tz", "not a known time zone; use an IANA name such as Europe/Berlin") from None


def instants(start_date: str | None, end_date: str | None, tz: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """[start, end) as UTC times. A date is a day in `tz`, an end date includes its day; a naive time is UTC."""
    start = _instant("start_date", start_date, tz, whole_day=False)
    end = _instant("end_date", end_date, tz, whole_day=True)
    both_days = start_date is not None and end_date is not None and _DATE.fullmatch(start_date) and _DATE.fullmatch(end_date)
    if start and end and (end < start or (both_days and str(end_date) < str(start_date))):
        raise invalid("end_date", "is before start_date; swap them or widen the range")
    return start, end


def stats_range(start_date: str | None, end_date: str | None, tz: ZoneInfo, interval: Interval | None) -> Range:
    """The range of an aggregate: widened to quarters of an hour."""
    start, end = instants(start_date, end_date, tz)
    return Range(
        floor(start.timestamp() / QUARTER) * QUARTER if start else -inf,
        ceil(end.timestamp() / QUARTER) * QUARTER if end else inf,
        tz,
        interval,
    )


def range_before(compare: str, start_date: str, end_date: str, tz: ZoneInfo) -> Range:
    """The range that it is compared with: `START..END`; or for `previous` as many days before it, of a month or week so far the same days of the one before."""
    if compare != "previous":
        before_start, separator, before_end = compare.partition("..")
        if not separator or not before_start or not before_end:
            raise invalid("compare", "use previous, or START..END such as 2024-01-01..2024-01-31")
        return stats_range(before_start, before_end, tz, None)
    start, end = instants(start_date, end_date, tz)
    assert start is not None
    assert end is not None
    if _DATE.fullmatch(start_date) and _DATE.fullmatch(end_date):
        first, last = _days_before(date.fromisoformat(start_date), date.fromisoformat(end_date))
        return stats_range(first.isoformat(), last.isoformat(), tz, None)
    return stats_range((start - (end - start)).isoformat(), start.isoformat(), tz, None)


def _days_before(first: date, last: date) -> tuple[date, date]:
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    ends_month = last == date.max or (last + timedelta(days=1)).day == 1
    end = _days_earlier(first, 1)
    if first.day == 1 and first < last and (ends_month or months == 1):
        before = _first_of_month(first, -months)
        return before, end if ends_month else min(end, before + timedelta(days=last.day - 1))
    days = (last - first).days + 1
    if first.weekday() == 0 and 1 < days < 7:
        return _days_earlier(first, 7), _days_earlier(last, 7)
    return _days_earlier(first, days), end


def _days_earlier(day: date, days: int) -> date:
    """Or the first day of the calendar."""
    return date.fromordinal(max(day.toordinal() - days, 1))


def _first_of_month(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1) if number >= 12 else date.min


def series_range(wanted: Range, first: float, last: float) -> Range:
    """The range with the interval that its series gets; `first` and `last` bound the data where the range is open.

    BadRequest if the interval that was asked for makes too many points.
    """
    if wanted.interval is None:
        coarsest: Interval = "month"
        fitting: Interval = next((each for each in _COARSER if _points(wanted, each, first, last) <= MAX_POINTS), coarsest)
        return structs.replace(wanted, interval=fitting)
    if _points(wanted, wanted.interval, first, last) > MAX_POINTS:
        coarser: Interval = next((each for each in _COARSER if _points(wanted, each, first, last) <= MAX_POINTS), "month")
        raise BadRequest(
            f"interval: this range has more than {MAX_POINTS:,} points by {wanted.interval}; use a coarser one, interval={coarser}, or a shorter range",
            details={"interval": f"more than {MAX_POINTS:,} points"},
        )
    return wanted


def series_edges(wanted: Range, first: float, last: float) -> list[int]:
    """Where the intervals of a series begin, and the end of the last one; `first` and `last` bound the data where the range is open."""
    assert wanted.interval is not None
    start, end = _bounds(wanted, first, last)
    return list(_edges(int(start), int(end), wanted.tz, wanted.interval)) if end > start else []


def newest(wanted: Range, first: float, last: float) -> Range:
    """The range, or its end with as many points as a series may have."""
    assert wanted.interval is not None
    start, end = _bounds(wanted, first, last)
    return structs.replace(wanted, start=max(start, end - (MAX_POINTS - 1) * _SECONDS[wanted.interval]))


def _bounds(wanted: Range, first: float, last: float) -> tuple[float, float]:
    return first if isinf(wanted.start) else wanted.start, last if isinf(wanted.end) else wanted.end


def _points(wanted: Range, interval: Interval, first: float, last: float) -> float:
    start, end = _bounds(wanted, first, last)
    return (end - start) / _SECONDS[interval]


def cover(start: float, end: float, grains: tuple[int, ...] = GRAINS) -> list[Segment]:
    """The fewest buckets, as coarse as they come, that make up [start, end): weeks, with days, hours and quarters at the edges."""
    if isinf(start) and isinf(end):
        return EVERYTHING
    return list(_cover(start, end, grains))


def cover_series(wanted: Range, edges: list[int]) -> list[Segment]:
    """The buckets that make up a series: none of them lies on both sides of an edge."""
    clipped = [max(edges[0], wanted.start), *edges[1:-1], min(edges[-1], wanted.end)]
    if wanted.interval in ("hour", "day"):
        for grain_minutes, seconds in ((1440, DAY), (60, HOUR)):
            if all(edge % seconds == 0 for edge in clipped) and (wanted.interval == "day" or seconds == HOUR):
                return [Segment(grain_minutes, clipped[0], clipped[-1])]
        return [Segment(15, clipped[0], clipped[-1])]
    pieces = (piece for start, end in pairwise(clipped) for piece in cover(start, end))
    return merged(pieces)


def merged(segments: Iterable[Segment]) -> list[Segment]:
    """The segments in their order, neighbours of one grain as one."""
    found: list[Segment] = []
    for each in segments:
        if found and found[-1].grain_minutes == each.grain_minutes and found[-1].end == each.start:
            found[-1] = Segment(each.grain_minutes, found[-1].start, each.end)
        else:
            found.append(each)
    return found


def segment_parameters(segments: Sequence[Segment]) -> dict[str, list[float]]:
    """Segments as the parameters `grains`, `starts` and `ends` of SQL."""
    return {
        "grains": [each.grain_minutes for each in segments],
        "starts": [float(each.start) for each in segments],
        "ends": [float(each.end) for each in segments],
    }


def split_parameters(segments: Sequence[Segment], is_kept: Callable[[Segment], bool]) -> dict[str, list[float]]:
    """Segments whose buckets a table keeps as `grains`, `starts`, `ends`; the others as `fine_grains`, `fine_starts`, `fine_ends`."""
    fine = segment_parameters([each for each in segments if not is_kept(each)])
    return segment_parameters([each for each in segments if is_kept(each)]) | {f"fine_{name}": values for name, values in fine.items()}


def local_dates(edges: Sequence[int], tz: ZoneInfo, interval: Interval) -> list[str]:
    """When each interval begins, as a person writes it: `2026-02-16`, or by hour `2026-02-16T14:00`. The last edge begins none."""
    if interval == "hour":
        return [datetime.fromtimestamp(edge, tz).strftime("%Y-%m-%dT%H:%M") for edge in edges[:-1]]
    # An edge is a midnight floored to a quarter of an hour.
    return [datetime.fromtimestamp(edge + QUARTER - 1, tz).date().isoformat() for edge in edges[:-1]]


def described_range(wanted: Range) -> UsageRange:
    """The range as it was counted, widened to quarters of an hour."""
    return UsageRange(wanted.start_time, wanted.end_time, wanted.tz.key, wanted.everything)


def at(seconds: float) -> datetime | None:
    """As a UTC time; None for an open side."""
    return None if isinf(seconds) else datetime.fromtimestamp(seconds, UTC)


def _instant(field: str, text: str | None, tz: ZoneInfo, *, whole_day: bool) -> datetime | None:
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            if not EARLIEST.year < day.year < LATEST.year:
                return _clamped(datetime(day.year, day.month, day.day, tzinfo=UTC))
            return datetime.fromtimestamp(_midnight(day + timedelta(days=int(whole_day)), tz), UTC)
        if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}", text, re.IGNORECASE):
            raise ValueError("neither a date nor a time")
        value = datetime.fromisoformat(text.upper())
    except ValueError:
        raise invalid(field, "use YYYY-MM-DD or a full ISO 8601 time such as 2024-01-15T10:30:00Z (write + as %2B in a URL)") from None
    return _clamped(value if value.tzinfo else value.replace(tzinfo=UTC))


def _clamped(value: datetime) -> datetime:
    """No event is before EARLIEST or after LATEST; this spares arithmetic at the ends of the calendar."""
    return min(max(value, EARLIEST), LATEST).astimezone(UTC)


def _midnight(day: date, tz: ZoneInfo) -> int:
    """The start of the day in the zone: the first midnight if there are two, the jump if midnight is skipped."""
    begins = datetime(day.year, day.month, day.day, tzinfo=tz).timestamp()
    return floor(begins / QUARTER) * QUARTER


def _edges(start: int, end: int, tz: ZoneInfo, interval: Interval) -> Iterator[int]:
    """From the interval that `start` is in to the end of the one before `end`, strictly rising."""
    edge = -1
    for candidate in _hours(start, tz) if interval == "hour" else _days(start, tz, interval):
        if candidate > edge:
            edge = candidate
            yield edge
        if edge >= end:
            return


def _hours(start: int, tz: ZoneInfo) -> Iterator[int]:
    local = datetime.fromtimestamp(start, tz)
    edge = floor((start - local.minute * 60 - local.second) / QUARTER) * QUARTER
    while True:
        yield edge
        local = datetime.fromtimestamp(edge, tz)
        # Not simply an hour later: a zone may shift by half an hour.
        edge += HOUR - local.minute // 15 * QUARTER


def _days(start: int, tz: ZoneInfo, interval: Interval) -> Iterator[int]:
    day = datetime.fromtimestamp(start, tz).date()
    if interval == "week":
        day -= timedelta(days=day.weekday())
    elif interval == "month":
        day = day.replace(day=1)
    while True:
        yield _midnight(day, tz)
        if interval == "month":
            day = (day + timedelta(days=31)).replace(day=1)
        else:
            day += timedelta(days=7 if interval == "week" else 1)


def _cover(start: float, end: float, grains: tuple[int, ...]) -> Iterator[Segment]:
    minutes, finer = grains[0], grains[1:]
    seconds = minutes * 60
    origin = _FIRST_MONDAY if seconds == WEEK else 0
    inner_start = start if isinf(start) else ceil((start - origin) / seconds) * seconds + origin
    inner_end = end if isinf(end) else floor((end - origin) / seconds) * seconds + origin
    if inner_start < inner_end:
        if start < inner_start:
            yield from _cover(start, inner_start, finer)
        yield Segment(minutes, inner_start, inner_end)
        if inner_end < end:
            yield from _cover(inner_end, end, finer)
    elif start < end:
        yield from _cover(start, end, finer)
