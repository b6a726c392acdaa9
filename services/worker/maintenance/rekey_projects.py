"""Moves the sessions of a project that became part of another, or was taken out again: they count under the project at the end of the chain.

The decision is stored already (shared/projects/merging.py), so rows that are persisted from then on count there. Older rows move here: some
sessions, or rows without a session, in each transaction. A session's starts and facts keep the project of the path that they named. Its keys are
computed from them again (reattribution.py), so taking a project out gives exactly what there was before. Numbers of dropped sessions move last. Sums
agree with the rows after each transaction. A worker that dies loses its transaction alone; beat finds the project again, and it goes on with what is left.
"""

from typing import Any, Final

import structlog
from psycopg import Connection
from psycopg.rows import dict_row, scalar_row

from services.worker import lock_order
from services.worker.maintenance import moving
from services.worker.maintenance.staged_job import RUN_SECONDS
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.resources import Resources
from services.worker.sessions.reattribution import update_session_rows
from services.worker.sql_text import sql
from shared.sql_files import SqlFile
from shared.tables.sums import BASE, BASE_SESSIONS

_SQL: Final = SqlFile(__package__, "rekey_projects.sql")

log = structlog.get_logger()

# The most that one transaction moves. No other transaction can write meanwhile.
SESSIONS_AT_ONCE: Final = 20
ROWS_AT_ONCE: Final = 500


def run(worker: Resources, project_id: int, run_seconds: float = RUN_SECONDS) -> bool:
    """Moves sessions for a while. True if there is more to do; False if nothing is left, or if another worker is at it."""
    return moving.run(worker, move_some, _SQL.note, project_id, run_seconds)


def move_some(connection: Connection[Any], project_id: int) -> bool:
    """Moves the next part, in the caller's transaction. False if nothing was left, or if another worker is at it."""
    parameters: dict[str, Any] = {"project_id": project_id}
    parameters |= {"sessions_limit": SESSIONS_AT_ONCE, "rows_limit": ROWS_AT_ONCE}
    if not lock_order.try_lock_rekeying(connection):
        return False
    lock_order.lock_import_order(connection)
    # Transactions that decided by the old state have committed. Later ones see the new one.
    lock_order.lock_writing_exclusive(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        wanted = cursor.execute(_SQL.wanted, parameters).fetchone()
    if wanted is None:
        return False
    parameters |= wanted
    with connection.cursor(row_factory=scalar_row) as cursor:
        session_ids = sorted(cursor.execute(_SQL.sessions, parameters).fetchall()[:SESSIONS_AT_ONCE])
        row_ids = [] if session_ids else cursor.execute(_SQL.sessionless, parameters).fetchall()
    if session_ids:
        _move_sessions(connection, parameters | {"session_ids": session_ids})
        return True
    if row_ids:
        connection.execute(_SQL.move_sessionless, parameters | {"row_ids": row_ids})
        return True
    if _move_some_base(connection, parameters):
        return True
    is_done = connection.execute(_SQL.finish, parameters).rowcount == 1
    if is_done:
        log.info("project_rekeyed", project_id=project_id, counts_under=wanted["whole"])
    return not is_done


def _move_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> None:
    connection.execute(LOCK_SESSIONS, parameters)
    # Their keys are computed anew, from what they name and what that is part of now.
    update_session_rows(connection, parameters["session_ids"])


def _move_some_base(connection: Connection[Any], parameters: dict[str, Any]) -> bool:
    """Moves numbers of dropped sessions. False if nothing was left."""
    for base in BASE:
        limit = "%(sessions_limit)s" if base == BASE_SESSIONS else "%(rows_limit)s"
        if connection.execute(sql(_SQL.move_base, base=base, limit=limit).encode(), parameters).rowcount:
            return True
    return False
