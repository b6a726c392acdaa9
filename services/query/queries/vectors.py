"""Vectors of counters kept in one number (deploy/migrations/0002_weeks.sql): a counter at every so many decimal digits."""

from collections.abc import Iterator

TIMES_DIGITS, CALLS_DIGITS, ACTIVE_DIGITS = 8, 8, 16


def counters(number: str, digits: int) -> Iterator[tuple[int, int]]:
    """(place, counter) of those that are not 0, the lowest place first. `number` is a numeric's text, not negative."""
    zero = "0" * digits
    for place, end in enumerate(range(len(number), 0, -digits)):
        counter = number[max(end - digits, 0) : end]
        if counter != zero and (value := int(counter)):
            yield place, value
