"""Days as a person names them."""

from datetime import date

import pytest

from client.questions.period import named_day

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
