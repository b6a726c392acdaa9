"""Reads one chunk ahead: the next is parsed, in a thread, while Postgres stores the one before."""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")

_END = object()
# How often a reader that waits for room looks whether it is still wanted.
_LOOK_SECONDS = 0.5


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, of which the next is always being made. An exception of `items` is raised in its place."""
    ready: queue.Queue[object] = queue.Queue(maxsize=1)
    is_unwanted = threading.Event()

    def put(item: object) -> None:
        while not is_unwanted.is_set():
            try:
                ready.put(item, timeout=_LOOK_SECONDS)
                return
            except queue.Full:
                continue

    def read() -> None:
        try:
            for item in items:
                put(item)
                if is_unwanted.is_set():
                    return
            put(_END)
        except BaseException as error:
            # Raised where the item would have been used.
            put(_Failed(error))

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        is_unwanted.set()
        reader.join()


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error
