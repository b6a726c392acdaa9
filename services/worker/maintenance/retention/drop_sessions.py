"""Drops sessions whose last event is longer ago than sessions are kept. Their numbers stay, in the tables base_* (docs/adr/0086).

First sessions get a tombstone, so that they cannot come in again, and a place in `dropping_sessions`. Then each goes in a transaction of its own, with its
rows. Meanwhile the triggers that keep sums do nothing, so sums stay as they are and no live writer waits: the base gains what the session counted.

A session that shares rows with another goes only with it: else a row that only the dropped one owned would come again as the other's, and count twice.
"""

from typing import Final

from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.maintenance.retention.old_sessions import FAMILY, is_old
from services.worker.maintenance.retention.retention_stage import SESSIONS_AT_ONCE, Count, Dropped, Step
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.persist.tombstones import write_tombstones
from services.worker.row_tables import ROW_TABLES, for_all
from services.worker.session_tables import forget_sessions
from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "drop_sessions.sql")

_DROPPING: Final = "SELECT session_id FROM dropping_sessions ORDER BY session_id LIMIT 1"

_DELETE_SUMS: Final = "DELETE FROM session_quarters WHERE session_id = ANY(%(session_ids)s)"
# From here to the commit triggers tell the sums nothing.
_LET_SUMS_STAY: Final = "SET LOCAL tracker.sums_stay = 'on'"
_DROP_ROWS: Final = {"tool_calls": _SQL.drop_tool_calls, "activities": _SQL.drop_activities, "api_calls": _SQL.drop_api_calls}
_DROP_OTHERS: Final = "DELETE FROM $table WHERE session_id = ANY(%(session_ids)s)"

# A dry run changes nothing and locks nothing, so it counts more at once.
_COUNTED_AT_ONCE: Final = 200


def due_sessions() -> str:
    """Selects sessions behind %(after)s that are older than they are kept, with all that they share rows with."""
    return sql(_SQL.due, is_old=is_old("sessions"), family=FAMILY, family_is_old=is_old("sessions"))


def still_old() -> str:
    """Which of session_ids are."""
    return sql(_SQL.still_old, is_old=is_old("sessions"), family=FAMILY, family_is_old=is_old("sessions"))


def families() -> str:
    """Selects the sessions that share rows with these, and these."""
    return sql(_SQL.families, family=FAMILY)


def count_rows() -> str:
    """How many rows the sessions have, by project, and their bytes."""
    return sql(_SQL.count, rows=for_all(_SQL.rows))


def drop_sessions(step: Step) -> Dropped:
    """The next step: what was begun is finished first, then further sessions are begun."""
    if step.is_dry_run:
        return _count(step)
    for (session_id,) in step.connection.execute(_DROPPING).fetchall():
        return Dropped(step.after or "", _drop(step, session_id))
    return _begin_next(step)


def _count(step: Step) -> Dropped:
    with step.connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(due_sessions().encode(), step.parameters | {"limit": _COUNTED_AT_ONCE}).fetchall()
        session_ids = [row["session_id"] for row in due]
        counts = [Count("sessions", row["project_id"], 1, 0, row["bytes"]) for row in due]
    return Dropped(session_ids[-1] if session_ids else None, counts + _rows_of(step, session_ids))


def _begin_next(step: Step) -> Dropped:
    """Closes the next sessions to all who write. Another worker's batch that has one of them locked commits first."""
    connection, parameters = step.connection, step.parameters | {"limit": SESSIONS_AT_ONCE}
    with connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(due_sessions().encode(), parameters).fetchall()
        if not due:
            return Dropped(None)
        last = due[-1]["session_id"]
        session_ids = [
            row["session_id"] for row in cursor.execute(families().encode(), {"session_ids": [row["session_id"] for row in due]})
        ]
        lock_order.lock_import_order(connection)
        # As tombstones want it. Nothing is read behind it but these sessions.
        lock_order.lock_writing_exclusive(connection)
        parameters["session_ids"] = sorted(session_ids)
        cursor.execute(LOCK_SESSIONS, parameters)
        # Somebody may have gone on with one of them, or forked one.
        begun = cursor.execute(still_old().encode(), parameters).fetchall()
        session_ids = [row["session_id"] for row in begun]
        cursor.execute(_SQL.begin, parameters | {"session_ids": session_ids})
        write_tombstones(connection, "session", session_ids, reason="expired", job_id=step.run_id)
    return Dropped(last, [Count("sessions", row["project_id"], 1, 0, row["bytes"]) for row in begun])


def _drop(step: Step, session_id: str) -> list[Count]:
    """A session with its rows."""
    connection, of_session = step.connection, {"session_ids": [session_id]}
    # Imports write the archive's rows in their order.
    lock_order.lock_import_order(connection)
    # A process that makes all sums anew must not see rows without what they counted, nor both.
    lock_order.lock_writing_shared(connection)
    connection.execute(LOCK_SESSIONS, of_session)
    counts = _rows_of(step, [session_id])
    rows = (_DROP_ROWS.get(table, sql(_DROP_OTHERS, table=table)) for table in ROW_TABLES)
    for command in (_LET_SUMS_STAY, _SQL.keep_activity, _DELETE_SUMS, *rows, _SQL.drop_session):
        connection.execute(command.encode(), of_session)
    forget_sessions(connection, [session_id])
    return counts


def _rows_of(step: Step, session_ids: list[str]) -> list[Count]:
    found = step.connection.execute(count_rows().encode(), {"session_ids": session_ids}).fetchall()
    return [Count("sessions", project_id, 0, rows, size) for project_id, rows, size in found]
