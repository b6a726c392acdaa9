"""Reads every list in a fixed order, from the last row of the previous page. It fetches one row more, to know whether a next page exists.

A statement leaves out a filter that is NULL: `%(x)s::text IS NULL OR column = %(x)s`. Every statement is planned with its values, so such a
condition is gone before planning and costs nothing (database.py).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from services.query import cursor as cursors
from services.query.database import Connection, Row, rows

# The texts of a page together, so that a list of the longest ones is not a gigabyte. A page always has one row.
PAGE_BYTES: Final = 8 * 1024**2


class Page(Struct):
    """The answer of a list."""

    items: list[Row]
    next_cursor: str | None


class Paging(Struct, frozen=True):
    """The size of a page, and its start."""

    limit: int
    cursor: str | None
    # The digest of the route and its filters; a cursor is bound to it.
    fingerprint: str

    def last_keys(self, *shapes: cursors.Shape) -> tuple[Any, ...] | None:
        """The sort keys of the last row that was shown, in one of these shapes; None on the first page."""
        return None if self.cursor is None else cursors.decode(self.cursor, self.fingerprint, *shapes)

    def after(self, **kinds: cursors.Kind) -> Row:
        """The same as parameters of SQL: `after(time="time", id="uuid")` gives after_time and after_id, NULL on the first page."""
        keys = self.last_keys(tuple(kinds.values())) or (None,) * len(kinds)
        return {f"after_{name}": key for name, key in zip(kinds, keys, strict=True)}

    def next_cursor(self, keys: Sequence[Any]) -> str:
        """A cursor that continues after the row with these sort keys."""
        return cursors.encode(keys, self.fingerprint)


def page(
    connection: Connection, sql: str, parameters: Row, paging: Paging, keys: Callable[[Row], Sequence[Any]], *, has_texts: bool = False
) -> Page:
    """Rows of a statement that ends with LIMIT %(fetch)s. `keys` gives a row's sort keys. `has_texts`: a row has the `bytes` of its texts."""
    found = rows(connection, sql, parameters | {"fetch": paging.limit + 1})
    items = list(within_bytes(found[: paging.limit])) if has_texts else found[: paging.limit]
    more = len(found) > len(items)
    return Page(items, paging.next_cursor(keys(items[-1])) if more else None)


def page_of_texts(connection: Connection, sql: str, parameters: Row, paging: Paging, keys: Callable[[Row], Sequence[Any]]) -> Page:
    """Like `page`, for a statement that itself ends the page before its texts exceed %(page_bytes)s.

    It gives `candidates` with each row: how many rows it had to choose from.
    """
    found = rows(connection, sql, parameters | {"fetch": paging.limit + 1, "page_bytes": PAGE_BYTES})
    items = found[: paging.limit]
    more = bool(items) and items[0]["candidates"] > len(items)
    for item in items:
        del item["candidates"]
    return Page(items, paging.next_cursor(keys(items[-1])) if more else None)


def within_bytes(found: Sequence[Row]) -> Sequence[Row]:
    """The first of the rows, as many as fit into a page by their `bytes`; one at least."""
    total = 0
    for number, row in enumerate(found):
        total += row["bytes"]
        if total > PAGE_BYTES and number > 0:
            return found[:number]
    return found
