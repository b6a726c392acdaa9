"""Deletes the rows of sessions, with what they count for and their facts, and then the sessions. Some of them in each transaction.

Totals of sessions become less by what is deleted (importers/job/withdraw_rows.py), so a long session is not read once for each part. A row that a session of somebody
else has too, as a fork has it, goes to that session.
"""

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.importers.job.withdraw_rows import withdraw_rows
from services.worker.maintenance.erase.erasure import Erasure
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.persist.persist_batch import INSERT_SESSIONS, LOCK_SESSIONS
from services.worker.resources import Resources
from services.worker.row_tables import MESSAGES, ROW_TABLES, for_all, for_each
from services.worker.session_tables import KEYS_OF_SESSIONS, session_tables
from services.worker.sessions import session_rebuild
from services.worker.sessions.fork_ownership import owner, settle
from services.worker.sessions.reattribution import update_session_rows
from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "erase_rows.sql")

# The most of one transaction. No other transaction can write meanwhile: for 50 to 240 ms with 500 rows, on a machine that did much else.
SESSIONS_AT_ONCE: Final = 10
ROWS_AT_ONCE: Final = 300

_ROWS: Final = "SELECT id, session_id FROM $table WHERE session_id = ANY(%(session_ids)s)"
_NEXT_ROWS: Final = f"SELECT id, session_id FROM ({for_all(_ROWS)}) AS own LIMIT %(rows_limit)s".encode()
_COUNT_ROWS: Final = for_all(_SQL.count_rows)
_OF_PART: Final = "OR %(kind)s = 'project' AND path_project_id = ANY(%(project_ids)s)"
_DELETE_SESSIONLESS: Final = "DELETE FROM $table WHERE id = ANY(%(row_ids)s)"
_HEIRS: Final = sql(_SQL.heirs, owner=owner("r.row_id", "c.session_id NOT IN (SELECT session_id FROM erasure_sessions)"))
_FORGET_CLAIMS: Final = (_SQL.forget_claims, settle("row_id", "row_ids"))
_FORGET_NOTES: Final = "DELETE FROM reparse_rows WHERE id = ANY(%(row_ids)s) OR call_id = ANY(%(row_ids)s)"
_DELETE_BESIDE: Final = "DELETE FROM $table WHERE session_id = ANY(%(session_ids)s)"
_DELETE_SESSIONS: Final = (
    "UPDATE sessions SET parent_session_id = NULL WHERE parent_session_id = ANY(%(session_ids)s)",
    "UPDATE session_facts SET parent_session_id = NULL WHERE parent_session_id = ANY(%(session_ids)s)",
    "DELETE FROM sessions WHERE session_id = ANY(%(session_ids)s)",
)
# Names of the erased user or project in events and facts of other sessions.
_FORGET_KEYS: Final = tuple(sql(_SQL.forget_keys, table=table) for table in KEYS_OF_SESSIONS)


def erase_rows(erasure: Erasure, step: Step) -> Done:
    """The next rows. `after`: the last session that is gone; then, of a user or project, the rows without a session."""
    connection = step.connection
    if step.is_dry_run:
        return Done(None, _counts(connection, erasure))
    lock_order.lock_import_order(connection)
    if step.after is None or not step.after.startswith(_BEHIND_SESSIONS):
        parameters = erasure.parameters | {"after": step.after or "", "limit": SESSIONS_AT_ONCE}
        with connection.cursor(row_factory=scalar_row) as cursor:
            session_ids: list[str] = cursor.execute(_SQL.next_sessions, parameters).fetchall()
        if session_ids:
            counts, is_last = _erase_some(step.worker, connection, session_ids)
            return Done(session_ids[-1] if is_last else step.after or _BEGIN, counts)
    counts = _erase_sessionless(connection, erasure)
    return Done(_BEHIND_SESSIONS if counts else None, counts)


# Before every id, and behind every id: ids have no control characters.
_BEGIN: Final = "\x01"
_BEHIND_SESSIONS: Final = "\x02"


def _counts(connection: Connection[Any], erasure: Erasure) -> dict[str, int]:
    parameters = erasure.parameters
    found = dict(connection.execute(_COUNT_ROWS.encode(), parameters).fetchall())
    [(found["sessions"],)] = connection.execute(_SQL.count_sessions, parameters).fetchall()
    return {name: count for name, count in found.items() if count}


def _erase_some(worker: Resources, connection: Connection[Any], session_ids: list[str]) -> tuple[dict[str, int], bool]:
    """Deletes some rows of the sessions. True if they were the last; then the sessions are deleted too."""
    parameters: dict[str, Any] = {"session_ids": session_ids, "rows_limit": ROWS_AT_ONCE, "idle_gap": worker.idle_gap}
    # All that can be is read before the lock that other writers wait for.
    rows: list[tuple[UUID, str]] = connection.execute(_NEXT_ROWS, parameters).fetchall()
    row_ids = [row_id for row_id, _ in rows]
    heirs: list[tuple[UUID, str]] = connection.execute(_HEIRS, parameters | {"row_ids": row_ids}).fetchall()
    lock_order.lock_writing_exclusive(connection)
    if heirs:
        _hand_over(worker, connection, session_ids, heirs)
    inherited = {row_id for row_id, _ in heirs}
    row_ids = [row_id for row_id in row_ids if row_id not in inherited]
    if row_ids:
        owners = {session_id for row_id, session_id in rows if row_id not in inherited}
        withdraw_rows(connection, session_ids=owners, row_ids=row_ids, idle_gap=worker.idle_gap, is_of_wire_too=True)
        for command in (*_FORGET_CLAIMS, _FORGET_NOTES):
            connection.execute(command, {"row_ids": row_ids, "session_ids": session_ids})
    counts = {"rows": len(row_ids), "rows that others have too": len(heirs)}
    if is_last := len(rows) < ROWS_AT_ONCE:
        counts["sessions"] = _delete_sessions(connection, parameters)
    return {name: count for name, count in counts.items() if count}, is_last


def _hand_over(worker: Resources, connection: Connection[Any], session_ids: list[str], heirs: list[tuple[UUID, str]]) -> None:
    """Gives rows to the sessions of others that have them too."""
    parameters: dict[str, Any] = {"session_ids": sorted({*session_ids, *(heir for _, heir in heirs)}), "idle_gap": worker.idle_gap}
    parameters |= {"row_ids": [row_id for row_id, _ in heirs], "heirs": [heir for _, heir in heirs], "job_number": 1}
    connection.execute(INSERT_SESSIONS, parameters)
    connection.execute(LOCK_SESSIONS, parameters)
    for hand_over in for_each(_SQL.hand_over):
        connection.execute(hand_over, parameters)
    session_rebuild.rebuild_sessions(connection, parameters)
    update_session_rows(connection, parameters["session_ids"], parameters["row_ids"])
    for command in _FORGET_CLAIMS:
        connection.execute(command, parameters | {"session_ids": session_ids})


def _delete_sessions(connection: Connection[Any], parameters: dict[str, Any]) -> int:
    """When no row of the sessions is left."""
    connection.execute(LOCK_SESSIONS, parameters)
    beside = [sql(_DELETE_BESIDE, table=name) for name, table in session_tables().items() if table.erased == "rows"]
    for command in (*beside, *_DELETE_SESSIONS):
        deleted = connection.execute(command.encode(), parameters).rowcount
    return deleted


def _erase_sessionless(connection: Connection[Any], erasure: Erasure) -> dict[str, int]:
    """The next rows of the user or project that belong to no session; at the end, what sessions of others say of it. Empty if nothing was left."""
    if erasure.kind not in ("user", "project"):
        return {}
    lock_order.lock_writing_exclusive(connection)
    for table in ROW_TABLES:
        with connection.cursor(row_factory=scalar_row) as cursor:
            # Prompts alone have no session but a path.
            of_part = _OF_PART if table == MESSAGES.name else ""
            row_ids = cursor.execute(
                sql(_SQL.sessionless, table=table, of_part=of_part).encode(), erasure.parameters | {"rows_limit": ROWS_AT_ONCE}
            ).fetchall()
        if row_ids:
            connection.execute(sql(_DELETE_SESSIONLESS, table=table).encode(), {"row_ids": row_ids})
            return {"rows": len(row_ids)}
    for command in _FORGET_KEYS:
        connection.execute(command.encode(), erasure.parameters)
    return {}
