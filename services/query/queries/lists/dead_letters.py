"""Dead letters: by what they died of, one by one, and one with its payload."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import Conditions, Paging, page

_STATUS = """CASE WHEN stored_at IS NOT NULL THEN 'stored' WHEN replayed_at > last_seen_at THEN 'replaying' ELSE 'waiting' END AS status"""
_COLUMNS = f"""id, kind, reason, sqlstate, {_STATUS}, event_id, journal_entry_id, request_id, attempts, replays,
        received_at, first_seen_at, last_seen_at, replayed_at, stored_at, octet_length(payload) AS payload_bytes"""

# By id, which is in the order of first_seen_at and never changes: a letter that dies again while one pages stays where it is.
_LETTERS = f"SELECT {_COLUMNS} FROM dead_letters {{where}} ORDER BY id DESC"
_LETTER = f"SELECT {_COLUMNS}, payload FROM dead_letters WHERE id = %(id)s"

_GROUPS = """
    SELECT kind, reason, sqlstate, count(*) AS count, min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at,
        (array_agg(id ORDER BY id DESC))[1:3] AS newest, sum(count(*)) OVER ()::bigint AS total
    FROM dead_letters
    {where}
    GROUP BY kind, reason, sqlstate
    ORDER BY count DESC, last_seen_at DESC
    LIMIT 100"""

_WAITING = "SELECT kind, count(*) AS number FROM dead_letters WHERE stored_at IS NULL GROUP BY kind"


class LetterFilters(Struct, frozen=True):
    """Which letters; None is any."""

    kind: str | None = None
    reason: str | None = None
    is_stored: bool = False

    def conditions(self) -> Conditions:
        """On the table."""
        conditions = Conditions("stored_at IS NOT NULL" if self.is_stored else "stored_at IS NULL")
        conditions.add("kind = %(kind)s", kind=self.kind)
        conditions.add("reason = %(reason)s", reason=self.reason)
        return conditions


def letters(connection: Connection, filters: LetterFilters, paging: Paging) -> dict[str, Any]:
    """{groups, total, items, next_cursor}: newest letters first, the largest group first."""
    conditions = filters.conditions()
    groups = rows(connection, _GROUPS.replace("{where}", conditions.where()), conditions.parameters)
    total = groups[0]["total"] if groups else 0
    for group in groups:
        del group["total"]
    conditions.add_after(paging.after(("uuid",)), "id", ("uuid",))
    found = page(connection, _LETTERS, conditions, paging, lambda row: (row["id"],))
    return {"groups": groups, "total": total, "items": found.items, "next_cursor": found.next_cursor}


def letter(connection: Connection, letter_id: UUID) -> Row | None:
    """One letter, with its payload as bytes."""
    found = rows(connection, _LETTER, {"id": letter_id})
    return found[0] if found else None


def waiting_by_kind(connection: Connection) -> dict[str, int]:
    """How many letters of each kind wait."""
    return {row["kind"]: row["number"] for row in rows(connection, _WAITING)}
