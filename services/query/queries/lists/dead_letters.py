"""Dead letters: grouped by reason, as a list, and one with its payload."""

from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from services.query.database import Connection, Row, first_row, rows
from services.query.queries.lists.paging import Paging, page

# By id, which is in the order of first_seen_at and never changes: a dead letter that fails again between two pages keeps its place.
_LETTERS = """
    SELECT id, kind, reason, sqlstate,
        CASE WHEN stored_at IS NOT NULL THEN 'stored' WHEN replayed_at > last_seen_at THEN 'replaying' ELSE 'waiting' END AS status,
        event_id, journal_entry_id, request_id, attempts, replays,
        received_at, first_seen_at, last_seen_at, replayed_at, stored_at, octet_length(payload) AS payload_bytes
    FROM dead_letters
    WHERE (%(is_stored)s OR stored_at IS NULL) AND (NOT %(is_stored)s OR stored_at IS NOT NULL)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
        AND (%(after_id)s::uuid IS NULL OR id < %(after_id)s)
    ORDER BY id DESC
    LIMIT %(fetch)s
"""
_LETTER = """
    SELECT id, kind, reason, sqlstate,
        CASE WHEN stored_at IS NOT NULL THEN 'stored' WHEN replayed_at > last_seen_at THEN 'replaying' ELSE 'waiting' END AS status,
        event_id, journal_entry_id, request_id, attempts, replays,
        received_at, first_seen_at, last_seen_at, replayed_at, stored_at, octet_length(payload) AS payload_bytes, payload
    FROM dead_letters WHERE id = %(id)s
"""
_GROUPS = """
    SELECT kind, reason, sqlstate, count(*) AS count, min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at,
        (array_agg(id ORDER BY id DESC))[1:3] AS newest, sum(count(*)) OVER ()::bigint AS total
    FROM dead_letters
    WHERE (%(is_stored)s OR stored_at IS NULL) AND (NOT %(is_stored)s OR stored_at IS NOT NULL)
        AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    GROUP BY kind, reason, sqlstate
    ORDER BY count DESC, last_seen_at DESC
    LIMIT 100
"""
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
