"""A forecast of one window of quota: the slope of its observed percentages over active time, and how sure that is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import sqrt
from typing import Final, NamedTuple

from services.query.answers.quota import Likely, QuotaForecast, QuotaReading

# A normal distribution is within so many standard errors nine of ten times.
_NINE_OF_TEN: Final = 1.645
FEWEST_READINGS: Final = 3
_QUARTER: Final = timedelta(minutes=15)


class ActiveQuarter(NamedTuple):
    """A quarter of an hour, and for how many seconds of it somebody was active."""

    start: datetime
    active_seconds: float


def forecast(
    series: Sequence[QuotaReading], read_at: datetime, resets_at: datetime, quarters: Sequence[ActiveQuarter], share_since: datetime
) -> QuotaForecast | None:
    """None if there was no active time. `series`: rising percentages, at least FEWEST_READINGS of them. `read_at`: the last reading of any.

    The slope is the sum of the rises over the sum of the active time; its error is that of a ratio over the steps between readings. The time that is
    left is taken to be active as much as that since `share_since`.
    """
    assert len(series) >= FEWEST_READINGS
    times = [reading.at for reading in series]
    rises = [after.used_percentage - before.used_percentage for before, after in pairwise(series)]
    if read_at > times[-1]:
        times.append(read_at)
        rises.append(0.0)
    hours = [_active_seconds(quarters, start, end) / 3600 for start, end in pairwise(times)]
    active_hours = sum(hours)
    if active_hours <= 0:
        return None
    slope = sum(rises) / active_hours
    steps = len(rises)
    squares = sum((rise - slope * each) ** 2 for rise, each in zip(rises, hours, strict=True))
    margin = _NINE_OF_TEN * sqrt(squares * steps / (steps - 1)) / active_hours
    # Two users of one account may be active at once.
    share = min(_active_seconds(quarters, share_since, read_at) / (read_at - share_since).total_seconds(), 1.0)
    low, high = max(slope - margin, 0.0), slope + margin
    used, hours_left = series[-1].used_percentage, max((resets_at - read_at).total_seconds() / 3600, 0.0)
    active_left = share * hours_left
    return QuotaForecast(
        percent_per_active_hour=Likely(round(slope, 2), round(low, 2), round(high, 2)),
        active_share=round(share, 3),
        at_reset=Likely(*(round(used + each * active_left, 1) for each in (slope, low, high))),
        full_at=_full_at(used, slope * share, read_at, resets_at),
        full_at_earliest=_full_at(used, high * share, read_at, resets_at),
    )


def _active_seconds(quarters: Sequence[ActiveQuarter], start: datetime, end: datetime) -> float:
    """A quarter that is only partly within counts with as much of its active time as of its time."""
    total = 0.0
    for quarter in quarters:
        overlap = (min(end, quarter.start + _QUARTER) - max(start, quarter.start)) / _QUARTER
        total += max(overlap, 0.0) * quarter.active_seconds
    return total


def _full_at(used: float, percent_per_hour: float, read_at: datetime, resets_at: datetime) -> datetime | None:
    if used >= 100:
        return read_at
    if percent_per_hour <= 0:
        return None
    hours = (100 - used) / percent_per_hour
    return read_at + timedelta(hours=hours) if hours * 3600 < (resets_at - read_at).total_seconds() else None
