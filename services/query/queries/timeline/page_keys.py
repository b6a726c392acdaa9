"""Which items are on a page: from a place on, up to a place, or on both sides of an item. Only keys and lengths are read here."""

from collections.abc import Sequence
from functools import cache
from typing import Literal

from msgspec import Struct

from services.query.answers.timeline import EntryKind
from services.query.database import Connection, fetch
from services.query.queries.lists.paging import PAGE_BYTES
from services.query.queries.timeline.derived_items import Derived, Outline
from services.query.queries.timeline.item_order import Key, Placed, key_parameters, with_key
from shared.sql_files import SqlFile


@cache
def _keys() -> str:
    """In one line: psycopg parses a statement of more than 4,096 characters each time, which takes longer than to run it."""
    return " ".join(SqlFile(__package__, "items.sql").keys.split())


class StoredItem(Placed, frozen=True):
    """A row that is an item, without its texts, which have so many `bytes`. `changes` are the ids of the file changes that a call made."""

    kind: Literal["message", "tool_call", "file_change", EntryKind]
    agent_id: str | None
    changes: list[str]
    bytes: int

    @property
    def id(self) -> str:
        """The row's."""
        return str(self.key[2])


# An item that is on the page.
Slot = StoredItem | Derived


class Slice(Struct):
    """Items that follow one another, first the earliest, and whether there are more on the side that was read towards."""

    slots: list[Slot]
    has_more: bool


def slice_after(connection: Connection, outline: Outline, key: Key, limit: int, page_bytes: int = PAGE_BYTES) -> Slice:
    """The items after a place."""
    derived = [each for each in outline.derived if each.key > key]
    found = [*_rows(connection, outline, key, limit + 1, ascending=True), *derived[: limit + 1]]
    return _cut(sorted(found, key=lambda slot: slot.key), limit, page_bytes)


def slice_before(connection: Connection, outline: Outline, key: Key, limit: int, page_bytes: int = PAGE_BYTES) -> Slice:
    """The items before a place: those next to it."""
    derived = [each for each in outline.derived if each.key < key]
    found = [*_rows(connection, outline, key, limit + 1, ascending=False), *derived[-limit - 1 :]]
    nearest = _cut(sorted(found, key=lambda slot: slot.key, reverse=True), limit, page_bytes)
    return Slice(nearest.slots[::-1], nearest.has_more)


def _rows(connection: Connection, outline: Outline, key: Key, most: int, *, ascending: bool) -> list[StoredItem]:
    parameters = outline.view.parameters() | key_parameters(key) | {"asc": ascending, "fetch": most}
    return fetch(connection, StoredItem, _keys(), parameters, with_key)


def _cut(found: Sequence[Slot], limit: int, page_bytes: int) -> Slice:
    """The first of them that fit onto a page by number and bytes; one at least, if there is one."""
    shown = found[:limit]
    total = 0
    for number, slot in enumerate(shown):
        total += slot.bytes if isinstance(slot, StoredItem) else 0
        if total > page_bytes and number > 0:
            shown = shown[:number]
            break
    return Slice(list(shown), len(found) > len(shown))
