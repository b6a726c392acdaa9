"""How every list is read: fixed conditions put together, newest first, one row more than asked for to know whether there is a next page."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from services.query import cursor as cursors
from services.query.database import Connection, Row, rows

# Of texts in a page, so that a list of the longest ones is no gigabyte; but one row there is always.
PAGE_BYTES = 8 * 1024**2


# The largest integer that every reader of JSON takes as it is. A sum beyond it, which only nonsense makes, is shown as this.
MAX_SHOWN = 2**53 - 1


def shown(expression: str, name: str = "") -> str:
    """SQL: a whole number as it can be shown, whatever it adds up to."""
    return f"least({expression}, {MAX_SHOWN})::bigint{f' AS {name}' if name else ''}"


class Page(Struct):
    """What a list answers."""

    items: list[Row]
    next_cursor: str | None


class Paging(Struct, frozen=True):
    """How much of a list is wanted, and from where."""

    limit: int
    cursor: str | None
    # Of the route and its filters: a cursor is bound to it.
    fingerprint: str

    def after(self, *shapes: cursors.Shape) -> tuple[Any, ...] | None:
        """The sort keys of the last row that was shown, in one of these shapes; None on the first page."""
        return None if self.cursor is None else cursors.decode(self.cursor, self.fingerprint, *shapes)

    def next_cursor(self, keys: Sequence[Any]) -> str:
        """A cursor that goes on after the row with these sort keys."""
        return cursors.encode(keys, self.fingerprint)


class Conditions:
    """SQL fragments joined by AND, with their parameters. Fragments are constants of this folder, never text of a request."""

    def __init__(self, *always: str) -> None:
        self.fragments = list(always)
        self.parameters: Row = {}

    def add(self, fragment: str, **parameters: Any) -> None:
        """Adds a condition unless one of its parameters is None."""
        if all(value is not None for value in parameters.values()):
            self.fragments.append(fragment)
            self.parameters |= parameters

    def add_after(self, keys: tuple[Any, ...] | None, columns: str, types: tuple[str, ...], comparison: str = "<") -> None:
        """Rows that come after `keys` in an order by `columns`."""
        if keys is not None:
            self._compare("after", comparison, keys, columns, types)

    def add_between(self, newest: tuple[Any, ...], oldest: tuple[Any, ...], columns: str, types: tuple[str, ...]) -> None:
        """Rows from `oldest` to `newest`, both included."""
        for side, comparison, keys in (("newest", "<=", newest), ("oldest", ">=", oldest)):
            self._compare(side, comparison, keys, columns, types)

    def _compare(self, prefix: str, comparison: str, keys: tuple[Any, ...], columns: str, types: tuple[str, ...]) -> None:
        names = [f"{prefix}_{number}" for number in range(len(keys))]
        values = ", ".join(f"CAST(%({name})s AS {kind})" for name, kind in zip(names, types, strict=True))
        self.fragments.append(f"({columns}) {comparison} ({values})")
        self.parameters |= dict(zip(names, keys, strict=True))

    def and_also(self, fragments: list[str], parameters: Row) -> "Conditions":
        """A copy with more conditions."""
        both = Conditions(*self.fragments, *fragments)
        both.parameters = self.parameters | parameters
        return both

    def where(self) -> str:
        """The WHERE clause, or nothing."""
        return "WHERE " + " AND ".join(self.fragments) if self.fragments else ""


# The rows before the bound, and of each how many there were to choose from. What is behind it is counted by its length alone, and not read.
_BOUNDED = f"""
    SELECT {{columns}}, candidates FROM (
        SELECT *, sum(bytes) OVER (ORDER BY {{order}}) AS bytes_so_far, count(*) OVER () AS candidates FROM ({{sql}} LIMIT %(fetch)s) AS all_of_it
    ) AS counted
    WHERE bytes_so_far <= {PAGE_BYTES} OR bytes_so_far = bytes ORDER BY {{order}}"""


def page_of_texts(
    connection: Connection,
    sql: str,
    conditions: Conditions,
    paging: Paging,
    keys: Callable[[Row], Sequence[Any]],
    *,
    columns: str,
    order: str,
) -> Page:
    """As `page`, but it ends before its texts are more than PAGE_BYTES. `sql` gives each row's length as `bytes`; `columns` are shown, in `order`."""
    bounded = _BOUNDED.format(columns=columns, order=order, sql=sql.replace("{where}", conditions.where()))
    found = rows(connection, bounded, conditions.parameters | {"fetch": paging.limit + 1})
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


def page(connection: Connection, sql: str, conditions: Conditions, paging: Paging, keys: Callable[[Row], Sequence[Any]]) -> Page:
    """Fills `{where}` and the LIMIT of `sql`, and makes the cursor of the last row shown out of its `keys`."""
    found = rows(
        connection, sql.replace("{where}", conditions.where()) + " LIMIT %(fetch)s", conditions.parameters | {"fetch": paging.limit + 1}
    )
    items = found[: paging.limit]
    more = len(found) > paging.limit
    return Page(items, paging.next_cursor(keys(items[-1])) if more else None)
