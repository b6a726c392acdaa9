"""Reading ahead in a thread changes nothing but the time it takes."""

import threading
from collections.abc import Iterator

import pytest

from services.worker.importers.job.chunks import read_ahead


def test_prefetch_yields_the_same_items_in_order() -> None:
    assert list(read_ahead(iter(range(100)))) == list(range(100))


def test_prefetch_prepares_the_next_item_while_one_is_used() -> None:
    second_is_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second_is_made.set()
        yield 2

    ahead = read_ahead(items())
    assert next(ahead) == 1
    assert second_is_made.wait(60)
    assert list(ahead) == [2]


def test_prefetch_raises_an_error_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(ahead)


def test_stopping_early_leaves_no_thread() -> None:
    ahead = read_ahead(iter(range(1000)))
    assert next(ahead) == 0

    ahead.close()  # type: ignore[attr-defined]

    assert not any(thread.name.startswith("read-ahead") for thread in threading.enumerate())
