"""Quota: the newest window of each account and kind, as it was observed. A window is never computed; what nobody has read is not known."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from services.query.answers.quota import Freshness, Quota, QuotaForecast, QuotaReading, QuotaSource, QuotaWindow
from services.query.database import Connection, fetch, rows
from services.query.queries.stats.quota_forecast import FEWEST_READINGS, ActiveQuarter, forecast
from shared.events.readings import WINDOW_SECONDS, seconds_of
from shared.http.errors import NotEnoughQuota
from shared.sql_files import SqlFile

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
    """The newest of the windows that the machine tells of that has read last: a later reset is a new one.

    What another machine or key read before that does not count, however full it says the window is.
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
    """The forecast, or why there is none."""
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
