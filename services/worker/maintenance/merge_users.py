"""Merges a user into another: every row and session becomes the other user's.

Ingest has made the old name an alias, in the transaction of the request (services/ingest/postgres/admin/users.py). So rows that are persisted from
then on are the other user's. Older rows move here: some sessions, or rows without a session, in each transaction. Sums agree with the rows after
each. A worker that dies loses its transaction alone; beat finds the merge again, and it goes on with what is left.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import structlog
from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.maintenance import moving
from services.worker.maintenance.staged_job import RUN_SECONDS
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.resources import Resources
from services.worker.row_tables import ROW_TABLES
from services.worker.session_tables import KEYS_OF_SESSIONS
from services.worker.sql_text import sql
from shared.sql_files import SqlFile
from shared.tables.catalogue import TABLES
from shared.tables.sums import BASE, BASE_SESSIONS, SUMS

_SQL: Final = SqlFile(__package__, "merge_users.sql")

log = structlog.get_logger()

# The most that one transaction moves. No other transaction can write meanwhile.
SESSIONS_AT_ONCE: Final = 20
ROWS_AT_ONCE: Final = 500

_SESSIONLESS: Final = "SELECT id FROM $table WHERE session_id IS NULL AND user_id = %(user_id)s LIMIT %(rows_limit)s"

_MOVE_SESSIONS: Final = "UPDATE $table SET user_id = %(target)s WHERE session_id = ANY(%(session_ids)s) AND user_id = %(user_id)s"
_MOVE_ROWS: Final = "UPDATE $table SET user_id = %(target)s WHERE id = ANY(%(row_ids)s) AND user_id = %(user_id)s"
_MOVE_ALL: Final = "UPDATE $table SET user_id = %(target)s WHERE user_id = %(user_id)s"
# Tables in which a user may have one row of a kind.
_MOVE_OWN: Final = {
    "quota_readings": (_SQL.move_readings, "DELETE FROM quota_readings WHERE user_id = %(user_id)s"),
    "retention_rules": (_SQL.move_rules,),
}
# Numbers of the user's dropped sessions.
_MOVE_BASE: Final = """UPDATE $base SET user_id = %(target)s
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM $base WHERE user_id = %(user_id)s LIMIT $limit))"""
_FINISH: Final = "UPDATE users SET merge_requested_at = NULL, merge_failure = NULL WHERE id = %(user_id)s"
_NOTE: Final = "UPDATE users SET merge_requested_at = clock_timestamp(), merge_failure = %(failure)s WHERE id = %(id)s AND merge_requested_at IS NOT NULL"


def run(worker: Resources, user_id: int, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a merge for a while. True if there is more to do; False if it has ended, or if another worker is at it."""
    return moving.run(worker, merge_some, _NOTE, user_id, run_seconds)


def merge_some(connection: Connection[Any], user_id: int) -> bool:
    """Moves the next part to the other user, in the caller's transaction. False if nothing was left, or if another worker is at it."""
    parameters: dict[str, Any] = {"user_id": user_id}
    parameters |= {"sessions_limit": SESSIONS_AT_ONCE, "rows_limit": ROWS_AT_ONCE}
    with connection.cursor(row_factory=scalar_row) as cursor:
        target = cursor.execute(_SQL.target, parameters).fetchone()
        if target is None:
            return False
        parameters["target"] = target
        lock_order.lock_import_order(connection)
        # Transactions that still knew the old user have committed. Later ones find the alias.
        lock_order.lock_writing_exclusive(connection)
        session_ids = sorted(cursor.execute(_SQL.sessions, parameters).fetchall())
        if session_ids:
            _move_sessions(connection, parameters | {"session_ids": session_ids})
            return True
        for table in ROW_TABLES:
            row_ids = cursor.execute(sql(_SESSIONLESS, table=table).encode(), parameters).fetchall()
            if row_ids:
                connection.execute(sql(_MOVE_ROWS, table=table).encode(), parameters | {"row_ids": row_ids})
                return True
        if _move_some_base(connection, parameters):
            return True
    for command in (*_move_rest(), *chain(*_MOVE_OWN.values()), _FINISH):
        connection.execute(command.encode(), parameters)
    log.info("users_merged", user_id=user_id, into=target)
    return False


def _move_rest() -> Iterator[str]:
    """Statements for rows that name the old user and are in no sum. Starts and facts in sessions of others move too: an undo may make them decide."""
    counted = {*ROW_TABLES, "sessions", *(table.name for table in SUMS)}
    yield from (
        sql(_MOVE_ALL, table=name)
        for name, table in TABLES.items()
        if "user_id" in table.named() and name not in counted | _MOVE_OWN.keys()
    )


def _move_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    connection.execute(LOCK_SESSIONS, parameters)
    for table in (*KEYS_OF_SESSIONS, "sessions", *ROW_TABLES):
        connection.execute(sql(_MOVE_SESSIONS, table=table).encode(), parameters)


def _move_some_base(connection: Connection[Any], parameters: dict[str, Any]) -> bool:
    """Moves numbers of dropped sessions. False if nothing was left."""
    moves = (
        sql(_MOVE_BASE, base=name, limit="%(sessions_limit)s" if name == BASE_SESSIONS else "%(rows_limit)s")
        for name in BASE
        if "user_id" in TABLES[name].named()
    )
    return any(connection.execute(move.encode(), parameters).rowcount for move in moves)
