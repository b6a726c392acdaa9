"""What an import under a key that is bound to a user may not touch: sessions of other users, and rows of theirs that its files hold copies of.

Asked in the transaction that stores the records. A session that is nobody's yet is for whoever says more of it, as it is for events (ingest's bound_users).
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker.persist.records import Record
from services.worker.sessions.fork_ownership import TABLES

_SESSIONS = """
    SELECT s.session_id FROM sessions AS s JOIN users AS u ON u.id = s.user_id
    WHERE s.session_id = ANY(%(session_ids)s) AND u.name <> %(user)s"""
_ROWS = " UNION ALL ".join(
    f"SELECT t.id FROM {table} AS t JOIN users AS u ON u.id = t.user_id WHERE t.id = ANY(%(ids)s) AND u.name <> %(user)s"
    for table in TABLES
)


def foreign_among(connection: Connection[Any], user: str, records: Sequence[Record]) -> list[Record]:
    """Those of the records that are another user's than this one."""
    session_ids = sorted({session_id for record in records if (session_id := session_of(record)) is not None})
    with connection.cursor(row_factory=scalar_row) as cursor:
        sessions = set(cursor.execute(_SESSIONS, {"session_ids": session_ids, "user": user}))
        rows = set(cursor.execute(_ROWS.encode(), {"ids": [record.id for record in records], "user": user}))
    return [record for record in records if session_of(record) in sessions or record.id in rows]


def session_of(record: Record) -> str | None:
    """Of a project that was only seen, and of a prompt without a session, none."""
    return getattr(record, "session_id", None)
