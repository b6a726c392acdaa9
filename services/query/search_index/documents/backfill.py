"""All rows of all tables, some at a time: what an index begins with."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from psycopg import Connection

from services.query.search_index.documents.row_documents import DocumentKind
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "backfill.sql")

# In this order. The documents of sessions are made of the texts of the others.
TABLES: Final[dict[str, DocumentKind]] = {
    "messages": "message",
    "tool_calls": "tool_call",
    "timeline_entries": "timeline_entry",
    "files": "file",
    "sessions": "session",
}
_NEWEST: Final = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
_FIRST: Final = ("", "00000000-0000-0000-0000-000000000000")
_STARTS: Final = {"messages": _NEWEST, "tool_calls": _NEWEST, "sessions": ("infinity", ""), "timeline_entries": _FIRST, "files": _FIRST}
# As a person reads them.
_TEXTS: Final = {
    "messages": "messages",
    "tool_calls": "tool calls",
    "timeline_entries": "summaries and commands",
    "files": "paths",
    "sessions": "titles",
}


class Page(Struct, frozen=True):
    """Keys of rows, as notes have them, and the place to go on from; an empty one if these were the last."""

    keys: list[str]
    after: list[str]


def page_of(connection: Connection[Any], table: str, after: Sequence[str], limit: int) -> Page:
    """The next keys of a table behind a place; the first ones if it is empty."""
    at, after_id = after or _STARTS[table]
    found = connection.execute(_SQL[table].encode(), {"after": at, "after_id": after_id, "limit": limit}).fetchall()
    # A file of which no activity is left has no key.
    return Page([key for key, _, _ in found if key is not None], list(found[-1][1:]) if found else [])


def texts_left(tables: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """The texts of tables that are left, the first of which was read to a place, as a person reads them."""
    left = [_TEXTS[table] for table in tables]
    if left and after and after[0][:1].isdigit():
        left[0] += f" before {after[0][:10]}"
    return tuple(left)
