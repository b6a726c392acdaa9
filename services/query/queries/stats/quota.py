"""Quota: the newest window of each account and kind, as it was observed. A window is never computed: without a reading it is not known."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import sqrt
from typing import Annotated, Final, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from services.query.answers.answer import Answer
from services.query.answers.fields import doc
from services.query.database import Connection, fetch, rows
from shared.events.readings import WINDOW_SECONDS, seconds_of
from shared.http.errors import NotEnoughQuota
from shared.sql_files import SqlFile

Freshness = Literal["current", "old", "over"]
QuotaSource = Literal["status_line", "usage_cache", "rate_limit_event"]


class QuotaReading(Answer):
    at: Annotated[datetime, doc("When it was first read.")]
    used_percentage: float


class Likely(Answer):
    likely: float
    low: Annotated[float, doc("`low` to `high`: nine of ten times it is between them, if work goes on as in this window.")]
    high: float


class QuotaForecast(Answer):
    """An estimate by the slope of the observed percentages over active time. It changes as work begins or ends."""

    percent_per_active_hour: Likely
    active_share: Annotated[
        float,
        doc(
            "The part of the time in which somebody was active, 0 to 1: since the window's first reading; of windows of days, in the last seven."
        ),
    ]
    at_reset: Annotated[
        Likely, doc("The percentage when the window resets, if the share of active time stays. Beyond 100 the limit comes before.")
    ]
    full_at: Annotated[datetime | None, doc("When it is likely full; null if not before it resets.")]
    full_at_earliest: Annotated[datetime | None, doc("By the high slope; null if not before it resets.")]


class QuotaWindow(Answer):
    account: Annotated[
        str | None, doc("A hash that tells accounts apart, of the account's id. null if only status lines were read, which do not know it.")
    ]
    users: Annotated[list[str], doc("Whose machines read it.")]
    kind: Annotated[str, doc("As Claude Code names it.", examples=["five_hour"])]
    used_percentage: Annotated[
        float, doc("The highest that the machine read of this window that read it last. Parallel sessions know it at different ages.")
    ]
    resets_at: Annotated[
        datetime, doc("As its source says, to the minute. A window that was moved has another reset, and is another window.")
    ]
    read_at: Annotated[datetime, doc("When the window was last read.")]
    source: Annotated[
        QuotaSource,
        doc(
            "Of the last reading. `usage_cache`: what Claude Code fetched and keeps in its `.claude.json`. `status_line`: what it gave its status "
            "line. `rate_limit_event`: what `claude -p` printed under `tracker capture`."
        ),
    ]
    machine_id: Annotated[
        str | None, doc("Where it was last read: what another machine read before is not told. null for a key that can only read numbers.")
    ]
    key_id: Annotated[str | None, doc("The key that sent it. null if none was needed, and for a key that can only read numbers.")]
    freshness: Annotated[
        Freshness,
        doc(
            "`current`: read within the last hour. `old`: not read since `read_at`, so it may be fuller by now. "
            "`over`: it has reset, and nothing was read of the next window."
        ),
    ]
    window_seconds: Annotated[int | None, doc("The length of a window of this kind; null for a kind that is not known.")]
    elapsed_percentage: Annotated[
        float | None, doc("How much of its time is over, if it is as long as its kind. null for an unknown kind.")
    ]
    pace: Annotated[
        float | None,
        doc(
            "`used_percentage` ÷ `elapsed_percentage`. Above 1 it is used faster than it passes. null in its first hundredth, or if it is over."
        ),
    ]
    forecast: Annotated[QuotaForecast | None, doc("null if there is none; `no_forecast` says why.")]
    no_forecast: Annotated[
        Literal["over", "old", "few_readings", "no_active_time"] | None,
        doc(
            "`few_readings`: fewer than three different percentages were read. `no_active_time`: none is known of its users since the first reading. "
            "null if there is a forecast."
        ),
    ]
    series: Annotated[
        list[QuotaReading], doc("The readings of this window, each percentage once, without those that a reading before was above.")
    ]


class Quota(Answer):
    windows: Annotated[
        list[QuotaWindow],
        doc("The newest window of each account and kind; of a user where no account is known. The one that is fullest first."),
    ]
    need: Annotated[float | None, doc("What was asked for.")]
    decided_by: Annotated[
        str | None,
        doc(
            "With `need`: the kind of the window that has least left of those that count. null if no window is known, or it was not asked."
        ),
    ]
    left_percentage: Annotated[float | None, doc("What that window has left.")]


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


_SQL: Final = SqlFile(__package__, "quota.sql")

# As long as Claude Code trusts its own cache.
OLD_AFTER: Final = timedelta(hours=1)
# A window of days has nights, which a few hours of readings have not: its share of active time is that of the last week.
_LONG_SECONDS: Final = 86_400
_DAYS_OF_SHARE: Final = timedelta(days=7)
# Before that much of a window is over, a pace says nothing.
_LEAST_ELAPSED: Final = 1.0


class _Reading(Struct, frozen=True):
    """A percentage that was read of a window by one source on one machine."""

    user_id: int
    user: str | None
    machine_id: str
    key_id: str | None
    account: str
    source: QuotaSource
    kind: str
    resets_at: datetime
    used_percentage: float
    first_read_at: datetime
    last_read_at: datetime


def quota(connection: Connection, user: str | None, account: str | None, kind: str | None, need: float | None) -> Quota:
    """The windows, the fullest first. NotEnoughQuota if one that counts has less than `need` percent left."""
    now = datetime.now(UTC)
    found = fetch(connection, _Reading, _SQL.readings, {"user": user, "kind": kind})
    by_window: dict[tuple[str, int, str], list[_Reading]] = defaultdict(list)
    for reading in _with_accounts(found):
        if account is None or reading.account == account:
            by_window[reading.account, 0 if reading.account else reading.user_id, reading.kind].append(reading)
    windows = sorted((_window(connection, group, now) for group in by_window.values()), key=_order)
    deciding = min((each for each in windows if _counts(each, kind)), key=_left, default=None) if need is not None else None
    if need is not None and deciding is not None and _left(deciding) < need:
        raise _not_enough(need, [each for each in windows if _counts(each, kind) and _left(each) < need], now)
    return Quota(windows, need, deciding.kind if deciding else None, _left(deciding) if deciding else None)


def _with_accounts(readings: Sequence[_Reading]) -> list[_Reading]:
    """Those of status lines with their account, as far as the caches on the same machine tell it."""
    told: dict[tuple[int, str, str | None], list[_Reading]] = defaultdict(list)
    for reading in readings:
        if reading.account:
            told[reading.user_id, reading.machine_id, reading.key_id].append(reading)
    return [
        reading
        if reading.account
        else replace(reading, account=_account_of(reading, told[reading.user_id, reading.machine_id, reading.key_id]))
        for reading in readings
    ]


def _account_of(reading: _Reading, told: Sequence[_Reading]) -> str:
    """The account that has this window; else the one that was told of last before the reading, else first after it. "" if none was."""
    same = [each.account for each in told if (each.kind, each.resets_at) == (reading.kind, reading.resets_at)]
    if same:
        return max(same)
    before = [(each.first_read_at, each.account) for each in told if each.first_read_at <= reading.first_read_at]
    if before:
        return max(before)[1]
    return min(((each.first_read_at, each.account) for each in told), default=(None, ""))[1]


def _window(connection: Connection, readings: Iterable[_Reading], now: datetime) -> QuotaWindow:
    """The newest window of the machine that read last: a later reset is a new window.

    Earlier readings of another machine or key do not count, even if they say that the window is fuller.
    """
    readings = list(readings)
    newest = max(readings, key=lambda each: (each.last_read_at, each.used_percentage))
    users = sorted({each.user for each in readings if each.resets_at == newest.resets_at and each.user is not None})
    readings = [each for each in readings if (each.machine_id, each.key_id) == (newest.machine_id, newest.key_id)]
    resets_at = max(reading.resets_at for reading in readings)
    own = sorted((each for each in readings if each.resets_at == resets_at), key=lambda each: (each.first_read_at, each.used_percentage))
    last = max(own, key=lambda each: (each.last_read_at, each.used_percentage))
    series = _rising(own)
    used, seconds = series[-1].used_percentage, seconds_of(last.kind)
    freshness: Freshness = "over" if resets_at <= now else "old" if last.last_read_at < now - OLD_AFTER else "current"
    elapsed = None if seconds is None else min(max(100 * (1 - (resets_at - now).total_seconds() / seconds), 0.0), 100.0)
    expected, why_none = _forecast(connection, own, series, last.last_read_at, freshness)
    return QuotaWindow(
        account=last.account or None,
        users=users,
        kind=last.kind,
        used_percentage=used,
        resets_at=resets_at,
        read_at=last.last_read_at,
        source=last.source,
        machine_id=last.machine_id,
        key_id=last.key_id,
        freshness=freshness,
        window_seconds=seconds,
        elapsed_percentage=None if elapsed is None else round(elapsed, 1),
        pace=None if elapsed is None or elapsed < _LEAST_ELAPSED or freshness == "over" else round(used / elapsed, 2),
        forecast=expected,
        no_forecast=why_none,
        series=series,
    )


def _rising(readings: Iterable[_Reading]) -> list[QuotaReading]:
    """Without readings of sessions that knew less than another had told before."""
    series: list[QuotaReading] = []
    for reading in readings:
        if not series or reading.used_percentage > series[-1].used_percentage:
            series.append(QuotaReading(reading.first_read_at, reading.used_percentage))
    return series


def _forecast(
    connection: Connection, readings: Sequence[_Reading], series: Sequence[QuotaReading], read_at: datetime, freshness: Freshness
) -> tuple[QuotaForecast | None, Literal["over", "old", "few_readings", "no_active_time"] | None]:
    """The forecast, or the reason why it cannot be made."""
    if freshness != "current":
        return None, freshness
    if len(series) < FEWEST_READINGS:
        return None, "few_readings"
    share_since = min(series[0].at, read_at - _DAYS_OF_SHARE if (seconds_of(readings[0].kind) or 0) > _LONG_SECONDS else read_at)
    parameters = {"user_ids": sorted({reading.user_id for reading in readings}), "since": share_since}
    quarters = [ActiveQuarter(row["bucket_start"], row["active_seconds"]) for row in rows(connection, _SQL.active_quarters, parameters)]
    expected = forecast(series, read_at, readings[0].resets_at, quarters, share_since)
    return expected, None if expected else "no_active_time"


def _order(window: QuotaWindow) -> tuple[bool, float, str, str]:
    return window.freshness == "over", -window.used_percentage, window.kind, window.account or "".join(window.users)


def _counts(window: QuotaWindow, kind: str | None) -> bool:
    """Whether it decides what is left: not if it is over, and not if it is of one model that was not asked for."""
    return window.freshness != "over" and (kind is not None or window.kind in WINDOW_SECONDS)


def _left(window: QuotaWindow) -> float:
    return round(max(100 - window.used_percentage, 0.0), 1)


def _not_enough(need: float, lacking: Sequence[QuotaWindow], now: datetime) -> NotEnoughQuota:
    """Names the window that resets last: until then one of them lacks."""
    last = max(lacking, key=lambda window: window.resets_at)
    seconds = max(int((last.resets_at - now).total_seconds()) + 1, 1)
    reset, read = f"{last.resets_at:%Y-%m-%dT%H:%MZ}", f"{last.read_at:%Y-%m-%dT%H:%MZ}"
    return NotEnoughQuota(
        f"The window {last.kind} has {_left(last):g} % left, and {need:g} % are needed. It resets at {reset}; it was last read at {read}.",
        retry_after_seconds=seconds,
        details={window.kind: f"{_left(window):g} % left" for window in lacking},
    )
