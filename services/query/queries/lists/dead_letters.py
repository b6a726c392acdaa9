"""Dead letters: grouped by reason, as a list, and one with its payload."""

from functools import partial
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from services.query.database import Connection, Row, first_row, rows
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import statement

_sql = partial(statement, __package__, "dead_letters.sql")

_LETTERS = _sql("letters")
_LETTER = _sql("letter")
_GROUPS = _sql("groups")
_WAITING = "SELECT kind, count(*) AS number FROM dead_letters WHERE stored_at IS NULL GROUP BY kind"


class DeadLetterFilters(Struct, frozen=True):
    """The filters for dead letters; None matches any."""

    kind: str | None = None
    reason: str | None = None
    is_stored: bool = False


def dead_letters(connection: Connection, filters: DeadLetterFilters, paging: Paging) -> dict[str, Any]:
    """{groups, total, items, next_cursor}: newest first, the largest group first."""
    groups = rows(connection, _GROUPS, asdict(filters))
    total = groups[0]["total"] if groups else 0
    for group in groups:
        del group["total"]
    found = page(connection, _LETTERS, asdict(filters) | paging.after(id="uuid"), paging, lambda row: (row["id"],))
    return {"groups": groups, "total": total, "items": found.items, "next_cursor": found.next_cursor}


def dead_letter(connection: Connection, letter_id: UUID) -> Row | None:
    """One dead letter, with its payload as bytes."""
    return first_row(connection, _LETTER, {"id": letter_id})


def waiting_by_kind(connection: Connection) -> dict[str, int]:
    """How many dead letters of each kind wait."""
    return {row["kind"]: row["number"] for row in rows(connection, _WAITING)}
