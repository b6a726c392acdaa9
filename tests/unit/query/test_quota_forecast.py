"""The forecast of a window: slope over active time, with its uncertainty."""

from datetime import UTC, datetime, timedelta

from services.query.queries.stats.quota import ActiveQuarter, QuotaReading, forecast

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def hours(number: float) -> datetime:
    return START + timedelta(hours=number)


def series(*points: tuple[float, float]) -> list[QuotaReading]:
    return [QuotaReading(hours(at), used) for at, used in points]


def active(*spans: tuple[float, float]) -> list[ActiveQuarter]:
    """All of the time between these hours."""
    return [ActiveQuarter(hours(quarter / 4), 900.0) for start, end in spans for quarter in range(int(start * 4), int(end * 4))]


def test_a_steady_rise_is_certain() -> None:
    found = forecast(series((0, 10), (0.5, 15), (1, 20)), hours(1), hours(4), active((0, 1)), START)

    assert found is not None
    assert (found.percent_per_active_hour.likely, found.percent_per_active_hour.low, found.percent_per_active_hour.high) == (10, 10, 10)
    assert (found.active_share, found.at_reset.likely) == (1.0, 50.0)
    assert found.full_at is None


def test_only_active_time_counts_for_the_slope() -> None:
    """given an hour of work and three hours of lunch, then the slope is that of the hour, and the rest of the window is expected to have as much lunch"""
    found = forecast(series((0, 10), (0.5, 15), (1, 20)), hours(4), hours(5), active((0, 1)), START)

    assert found is not None
    assert (found.percent_per_active_hour.likely, found.active_share) == (10, 0.25)
    assert found.at_reset.likely == 22.5


def test_an_uneven_rise_is_uncertain() -> None:
    found = forecast(series((0, 10), (0.5, 11), (1, 30), (1.5, 31)), hours(1.5), hours(4), active((0, 1.5)), START)

    assert found is not None
    slope = found.percent_per_active_hour
    assert slope.low < slope.likely == 14 < slope.high
    assert found.at_reset.low < found.at_reset.likely < found.at_reset.high


def test_a_window_that_fills_before_it_resets_says_when() -> None:
    found = forecast(series((0, 40), (0.5, 60), (1, 80)), hours(1), hours(4), active((0, 1)), START)

    assert found is not None
    assert found.full_at == hours(1.5)
    assert found.at_reset.likely == 200.0


def test_a_quiet_end_lowers_the_slope() -> None:
    """given a reading that still has the last percentage an hour of work later, then that hour counts"""
    found = forecast(series((0, 10), (0.5, 15), (1, 20)), hours(2), hours(4), active((0, 2)), START)

    assert found is not None
    assert found.percent_per_active_hour.likely == 5


def test_without_active_time_there_is_no_forecast() -> None:
    assert forecast(series((0, 10), (0.5, 15), (1, 20)), hours(1), hours(4), [], START) is None


def test_a_window_of_days_has_nights_before_its_first_reading() -> None:
    """given an hour of work in the last day, then a twenty-fourth of the days that are left is expected to be active"""
    found = forecast(series((0, 10), (0.5, 15), (1, 20)), hours(1), hours(49), active((0, 1)), hours(-23))

    assert found is not None
    assert (found.percent_per_active_hour.likely, found.active_share) == (10, 0.042)
    assert found.at_reset.likely == 40.0
