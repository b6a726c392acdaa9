"""Reads every list in a fixed order, from the last row of the previous page. It fetches one row more, to know whether a next page exists.

A statement leaves out a filter that is NULL: `%(x)s::text IS NULL OR column = %(x)s`. Every statement is planned with its values, so such a
condition is gone before planning and costs nothing (database.py).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from services.query import cursor as cursors
from services.query.database import Connection, Kind, Prepare, Row, as_it_is, rows, structs

# The texts of a page together, so that a list of the longest ones is not a gigabyte. A page always has one row.
PAGE_BYTES: Final = 8 * 1024**2


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
    connection: Connection,
    kind: type[Kind],
    sql: str,
    parameters: Row,
    paging: Paging,
    keys: Sequence[str],
    *,
    prepare: Prepare = as_it_is,
    has_texts: bool = False,
) -> tuple[list[Kind], str | None]:
    """The items of a page and the cursor of the next one, from a statement that ends with LIMIT %(fetch)s.

    `keys` are the columns that it is sorted by. `has_texts`: a row has the `bytes` of its texts. Both may be columns that an item does not have.
    """
    found = rows(connection, sql, parameters | {"fetch": paging.limit + 1})
    shown = found[: paging.limit]
    if has_texts:
        shown = shown[: fitting(row["bytes"] for row in shown)]
    return _items(kind, shown, paging, keys, prepare, has_more=len(found) > len(shown))


def page_of_texts(
    connection: Connection,
    kind: type[Kind],
    sql: str,
    parameters: Row,
    paging: Paging,
    keys: Sequence[str],
    *,
    prepare: Prepare = as_it_is,
) -> tuple[list[Kind], str | None]:
    """Like `page`, for a statement that itself ends the page before its texts exceed %(page_bytes)s.

    It gives `candidates` with each row: how many rows it had to choose from.
    """
    found = rows(connection, sql, parameters | {"fetch": paging.limit + 1, "page_bytes": PAGE_BYTES})
    shown = found[: paging.limit]
    return _items(kind, shown, paging, keys, prepare, has_more=bool(shown) and shown[0]["candidates"] > len(shown))


def _items(
    kind: type[Kind], shown: Sequence[Row], paging: Paging, keys: Sequence[str], prepare: Prepare, *, has_more: bool
) -> tuple[list[Kind], str | None]:
    next_cursor = paging.next_cursor([shown[-1][key] for key in keys]) if has_more else None
    beside = {*keys, "bytes", "candidates"}.difference(kind.__struct_fields__)
    for row in shown:
        for name in beside.intersection(row):
            del row[name]
    return structs(kind, shown, prepare), next_cursor


def fitting(sizes: Iterable[int]) -> int:
    """How many rows fit into a page, the first of those whose texts have so many bytes; one at least."""
    number = total = 0
    for number, size in enumerate(sizes, start=1):
        total += size
        if total > PAGE_BYTES and number > 1:
            return number - 1
    return number
