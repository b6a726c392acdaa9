"""Days as a person names them."""

from datetime import date, timedelta

import pytest

from client.output.local_time import today_in
from client.questions.period import Period, named_day, period_of

# A Wednesday
TODAY = date(2026, 2, 18)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("today", "2026-02-18"),
        ("Yesterday", "2026-02-17"),
        ("tuesday", "2026-02-17"),
        ("tue", "2026-02-17"),
        ("Monday", "2026-02-16"),
        ("thursday", "2026-02-12"),
        ("wednesday", "2026-02-11"),
        ("2026-01-31", "2026-01-31"),
    ],
)
def test_a_weekday_is_the_last_one_before_today(name: str, day: str) -> None:
    assert named_day(name, TODAY) == date.fromisoformat(day)


@pytest.mark.parametrize("name", ["", "tues", "2026-02-30", "3d", "tomorrow", "last tuesday"])
def test_other_words_are_no_day(name: str) -> None:
    assert named_day(name, TODAY) is None


def test_last_week_and_last_month_end_where_this_one_begins() -> None:
    week, last_week = period_of("UTC", None, None, week=True), period_of("UTC", None, None, last_week=True)
    month, last_month = period_of("UTC", None, None, month=True), period_of("UTC", None, None, last_month=True)
    for this, last in ((week, last_week), (month, last_month)):
        assert this.first is not None
        assert last.last == this.first - timedelta(days=1)
    assert last_week.first is not None
    assert last_week.first.weekday() == 0
    assert last_month.first is not None
    assert (last_month.first.day, last_month.name) == (1, "Last month")


def test_a_period_that_is_not_over_is_compared_up_to_today() -> None:
    today = today_in("UTC")
    assert Period(today, today + timedelta(days=6), "UTC", "This week").until_today() == Period(today, today, "UTC", "This week so far")
    over = Period(today - timedelta(days=7), today - timedelta(days=1), "UTC", "Last week")
    assert over.until_today() == over
