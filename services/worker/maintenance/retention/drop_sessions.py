"""Drops sessions whose last event is longer ago than sessions are kept. Their numbers move into the base of the aggregates (aggregates/dropped_contributions.py).

Cells do not change, so no live writer waits: a step locks old sessions and adds to the base, which nothing else does. First sessions get a tombstone,
so that they cannot come in again, and a place in `dropping_sessions`. Then their rows go, some in each transaction, each with its contributions; at last
the sessions themselves, with theirs. Cells are those of rows and base after each transaction.

A session that shares rows with another goes only with it: else a row that only the dropped one owned would come again as the other's, and count twice.
"""

from typing import Any, Final

from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.aggregates.dropped_contributions import base_ctes
from services.worker.aggregates.registry import composed
from services.worker.maintenance.retention.old_sessions import FAMILY, is_old
from services.worker.maintenance.retention.retention_stage import ROWS_AT_ONCE, SESSIONS_AT_ONCE, Count, Dropped, Step
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.persist.tombstones import write_tombstones
from services.worker.row_tables import ROW_TABLES, for_all
from services.worker.session_tables import forget_sessions
from services.worker.sql_text import ctes, listed, sql, union_all
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "drop_sessions.sql")

_DROPPING: Final = "SELECT session_id FROM dropping_sessions ORDER BY session_id LIMIT %(limit)s"

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


def next_rows() -> str:
    """Selects rows of the sessions, with their sizes."""
    return sql(_SQL.rows, rows=for_all(_SQL.of_table))


@composed
def drop_rows() -> str:
    """Deletes the rows, and adds what they contributed to the base."""
    gone = [sql(_SQL.gone_rows, table=table.name, columns=listed(table.columns)) for table in ROW_TABLES.values()]
    return sql(_SQL.drop_rows, gone=ctes(*gone, base_ctes({f"new_{table}" for table in ROW_TABLES})))


@composed
def drop_emptied_sessions() -> str:
    """Deletes the sessions, whose rows are gone, and adds what they contributed themselves to the base."""
    return sql(_SQL.drop_sessions, base=base_ctes({"new_sessions"}))


def count_rows() -> str:
    """How many rows the sessions have, by project, and their bytes."""
    return sql(_SQL.count, rows=union_all([next_rows()]).replace("LIMIT %(limit)s", ""))


def drop_sessions(step: Step) -> Dropped:
    """The next step: what was begun is finished first, then further sessions are begun."""
    if step.is_dry_run:
        return _count(step)
    with step.connection.cursor() as cursor:
        dropping = [row[0] for row in cursor.execute(_DROPPING, {"limit": SESSIONS_AT_ONCE}).fetchall()]
    if dropping:
        return Dropped(step.after or "", _drop_some(step, dropping))
    return _begin_next(step)


def _count(step: Step) -> Dropped:
    with step.connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(due_sessions().encode(), step.parameters | {"limit": _COUNTED_AT_ONCE}).fetchall()
        session_ids = [row["session_id"] for row in due]
        counts = [Count("sessions", row["project_id"], 1, 0, row["bytes"]) for row in due]
        found = cursor.execute(count_rows().encode(), {"session_ids": session_ids}).fetchall()
        counts += (Count("sessions", row["project_id"], 0, row["rows"], row["bytes"]) for row in found)
    return Dropped(session_ids[-1] if session_ids else None, counts)


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


def _drop_some(step: Step, session_ids: list[str]) -> list[Count]:
    """Some rows of the sessions; after the last of them, the sessions."""
    connection = step.connection
    parameters: dict[str, Any] = {"session_ids": session_ids, "limit": ROWS_AT_ONCE}
    rows = connection.execute(next_rows().encode(), parameters).fetchall()
    if not rows:
        # Imports write the archive's rows in their order.
        lock_order.lock_import_order(connection)
    # A process that computes all aggregates must not see rows without what they contributed, nor both.
    lock_order.lock_writing_shared(connection)
    connection.execute(LOCK_SESSIONS, parameters)
    if rows:
        connection.execute(drop_rows(), parameters | {"row_ids": [row_id for row_id, *_ in rows]})
    else:
        connection.execute(drop_emptied_sessions(), parameters)
        forget_sessions(connection, session_ids)
    return [Count("sessions", project_id, 0, 1, size) for _, project_id, size in rows]


def statements() -> list[str]:
    """All that are composed."""
    return [due_sessions(), still_old(), families(), next_rows(), drop_rows().decode(), drop_emptied_sessions().decode(), count_rows()]
