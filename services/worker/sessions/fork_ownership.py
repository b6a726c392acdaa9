"""Forked and resumed sessions: their files hold copies of another session's rows, under the same row ids but their own session id. Each row counts once.

The session that wrote a row owns it, or else the first that copied it, whichever file is read first; a reader knows its file's copies (transcript_reader.py).
The earliest of a row's times counts; a hook runs later than what it tells of, perhaps on another clock, so its time counts only until a file gives one.
`contested_rows` has every session that claims a row which another has too, or which is a copy, so that an undo can give the row back.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from services.worker.row_tables import composed, for_all, for_each
from services.worker.sessions.reattribution import update_session_rows
from services.worker.sessions.session_rebuild import rebuild_sessions
from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "fork_ownership.sql")


def owner(row: str, claims: str = "true") -> str:
    """Selects the session whose row it is. `row`: SQL of its id; `claims`: SQL over a claim c, which count."""
    return sql(_SQL.owner, row=row, claims=claims)


def settle(of: str, ids: str) -> str:
    """Deletes claims that nothing contests any more. `of`: row_id or session_id, which is one of the parameter `ids`."""
    return sql(_SQL.settle, of=of, ids=ids)


# Only sessions that are locked get rows.
_AGREE: Final = sql(_SQL.agree, table="$table", owner=owner("g.id", "c.session_id = ANY(%(session_ids)s)"))


@composed
def other_sessions() -> str:
    """Selects the other sessions that have staged rows already."""
    return for_all(_SQL.other_sessions, joined_by="UNION")


@composed
def sessions_to_move() -> str:
    """Selects the sessions that lose and win rows, and the rows."""
    return for_all(_SQL.sessions_to_move, joined_by="UNION")


def owners_of_staged_rows(connection: Connection[Any]) -> set[str]:
    """The other sessions that have rows of the staged batch already."""
    return {row[0] for row in connection.execute(other_sessions())}


def assign_owners(connection: Connection[Any], session_ids: Sequence[str], job_number: int, idle_gap: timedelta, *, has_hooks: bool) -> int:
    """Hands rows over to the sessions of the batch that have the better claim; returns how many sessions are new by it.

    `session_ids`: with the present owners, all locked. `has_hooks`: rows of the batch are hooks'.
    """
    parameters: dict[str, Any] = {"session_ids": session_ids, "job_number": job_number, "idle_gap": idle_gap}
    for template in (_SQL.note_owners_claims, _SQL.note_claims):
        for command in for_each(template):
            connection.execute(command, parameters)
    if has_hooks:
        connection.execute(_SQL.waits_in_batch)
    for command in for_each(_AGREE):
        connection.execute(command, parameters)
    moves = connection.execute(sessions_to_move()).fetchall()
    new_sessions = _hand_over(connection, parameters, moves) if moves else 0
    if has_hooks:
        connection.execute(_SQL.waits_of_known)
    return new_sessions


def _hand_over(connection: Connection[Any], parameters: dict[str, Any], moves: Sequence[Any]) -> int:
    session_ids = sorted({session_id for move in moves for session_id in move[:2]})
    parameters = parameters | {"session_ids": session_ids}
    connection.execute(_SQL.waits_of_moved, parameters)
    for template in (_SQL.hand_over, _SQL.note_sessions):
        for command in for_each(template):
            connection.execute(command, parameters)
    new_sessions = rebuild_sessions(connection, parameters)
    update_session_rows(connection, session_ids, {row_id for *_, row_id in moves})
    return new_sessions
