"""Prompts of history.jsonl whose session's transcript is known too: the transcript has them as well, so there they are left out.

Whichever is read first: a prompt that comes later is not stored, one that is there is taken away when the transcript comes.
"""

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker.sessions import reattribution, session_rebuild

# Of a staged message m.
IS_SUPERSEDED = """(m.source IS NOT DISTINCT FROM 'history.jsonl' AND m.session_id IS NOT NULL
            AND EXISTS (SELECT FROM session_facts AS f WHERE f.session_id = m.session_id AND f.source = 'transcript'))"""

# The index messages_of_history has these alone.
_SESSIONS = """
    SELECT DISTINCT m.session_id FROM session_facts AS f JOIN messages AS m ON m.session_id = f.session_id AND m.source = 'history.jsonl'
    WHERE f.id = ANY(%(fact_ids)s) AND f.source = 'transcript' ORDER BY 1"""
_DROP = "DELETE FROM messages WHERE session_id = ANY(%(session_ids)s) AND source = 'history.jsonl'"


def drop_superseded(connection: Connection[Any], parameters: dict[str, Any], fact_ids: list[UUID]) -> set[int]:
    """Takes away what newly stored facts of transcripts make superfluous; gives the projects this touched.

    `parameters` as of rework.reworked(); the sessions are the batch's, so they are locked.
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        session_ids = cursor.execute(_SESSIONS, {"fact_ids": fact_ids}).fetchall()
    if not session_ids:
        return set()
    parameters = parameters | {"session_ids": session_ids}
    with reattribution.reworked(connection, parameters) as projects:
        connection.execute(_DROP, parameters)
        session_rebuild.remake(connection, parameters)
    return projects
