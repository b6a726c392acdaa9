"""Prompts of history.jsonl are dropped where a transcript of their session is known, since the transcript has them too.

Either may be read first. A prompt that comes after the transcript is not stored (row_tables.MESSAGES); one that came before is deleted here.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker.sessions.session_rebuild import rebuild_sessions
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "history_prompts.sql")

_DELETE = "DELETE FROM messages WHERE session_id = ANY(%(session_ids)s) AND source = 'history.jsonl'"


def delete_superseded_prompts(connection: Connection[Any], fact_ids: list[UUID], idle_gap: timedelta) -> None:
    """Deletes the prompts that newly stored facts of transcripts make superfluous. The sessions are the batch's, so they are locked."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        session_ids = cursor.execute(_SQL.sessions, {"fact_ids": fact_ids}).fetchall()
    if not session_ids:
        return
    parameters = {"session_ids": session_ids, "idle_gap": idle_gap}
    connection.execute(_DELETE, parameters)
    rebuild_sessions(connection, parameters)
