"""Vectors of counters kept in one number (deploy/migrations/schema/01_functions.sql): a counter at every so many decimal digits.

A counter that outgrows its digits would run into the next. That cannot happen while their sum is less than `holds(digits)`. Each row has that sum
beside its vectors; readers check it first, and read something finer where it is more (docs/adr/0028).
"""

from collections.abc import Iterator

_AT_ONCE = 96
TIMES_DIGITS, CALLS_DIGITS, ACTIVE_DIGITS = 8, 8, 16


def holds(digits: int) -> int:
    """The sum of a vector's counters must be below this, so that each can be told from the next."""
    return int(10**digits - 1)


def counters(number: str, digits: int) -> Iterator[tuple[int, int]]:
    """(place, counter) of each counter that is not 0, the lowest place first. `number` is a numeric's text, not negative."""
    zero = "0" * digits
    for place, end in enumerate(range(len(number), 0, -digits)):
        counter = number[max(end - digits, 0) : end]
        if counter != zero and (value := int(counter)):
            yield place, value


def unpacked(number: str, digits: int) -> list[int]:
    """All counters, the lowest place first."""
    zero = "0" * digits
    pieces = (number[max(end - digits, 0) : end] for end in range(len(number), 0, -digits))
    return [0 if piece == zero else int(piece) for piece in pieces]


def total(number: str, digits: int, first: int, last: int) -> int:
    """The sum of the counters at the places [first, last), which must be less than 10^digits - 1.

    That is what is left when the number is divided by 10^digits - 1, as with nines and the sum of a number's digits.
    """
    # In pieces, since text of more digits is not made a number.
    return sum(_left_over(number, digits, at, min(at + _AT_ONCE, last)) for at in range(first, last, _AT_ONCE))


def _left_over(number: str, digits: int, first: int, last: int) -> int:
    part = number[max(len(number) - last * digits, 0) : max(len(number) - first * digits, 0)]
    return int(part) % (10**digits - 1) if part else 0
