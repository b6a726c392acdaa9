"""Finds records that an import under a user's key must not touch: sessions of other users, and copies of their rows.

Checked in the transaction that stores the records. A session without a user may be written by any user, as with events.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker.persist.records import Record
from services.worker.row_tables import for_all

_SESSIONS = """
    SELECT s.session_id FROM sessions AS s JOIN users AS u ON u.id = s.user_id
    WHERE s.session_id = ANY(%(session_ids)s)
      AND coalesce(u.alias_of, u.id) IS DISTINCT FROM (SELECT coalesce(alias_of, id) FROM users WHERE name = %(user)s)"""
_ROWS = """
    SELECT t.id FROM $table AS t JOIN users AS u ON u.id = t.user_id
    WHERE t.id = ANY(%(ids)s) AND coalesce(u.alias_of, u.id) IS DISTINCT FROM (SELECT coalesce(alias_of, id) FROM users WHERE name = %(user)s)"""


def foreign_among(connection: Connection[Any], user: str, records: Sequence[Record]) -> list[Record]:
    """The records that belong to other users than this one."""
    sessions = foreign_sessions(connection, user, {session_id for record in records if (session_id := session_of(record)) is not None})
    with connection.cursor(row_factory=scalar_row) as cursor:
        rows = set(cursor.execute(for_all(_ROWS).encode(), {"ids": [record.id for record in records], "user": user}))
    return [record for record in records if session_of(record) in sessions or record.id in rows]


def foreign_sessions(connection: Connection[Any], user: str, session_ids: Iterable[str]) -> set[str]:
    """The sessions that belong to other users than this one."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return set(cursor.execute(_SESSIONS, {"session_ids": sorted(session_ids), "user": user}))


def session_of(record: Record) -> str | None:
    """None for a project that was only seen, and for a prompt without a session."""
    return getattr(record, "session_id", None)
