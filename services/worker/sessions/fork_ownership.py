"""Forked and resumed sessions: their files hold copies of another session's rows, under the copied ids but their own session id. Counted once.

Of all sessions that have a row, the one with the least id owns it, and of all times that are said of it the earliest counts. That is as good as any other
rule, since a copy looks like its original, and it does not depend on which file was read first. Who else has a row is kept in `contested_rows`, so that an
undo can give it back.
"""

from typing import Any

from psycopg import Connection

from services.worker.sessions import reattribution, session_rebuild

TABLES = ("messages", "tool_calls", "activities", "api_calls")

_OTHERS = " UNION ".join(
    f"SELECT t.session_id FROM staged_{table} AS s JOIN {table} AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id"
    for table in TABLES
)
# Claims of the batch: of rows that another session has, or that were contested before; then those of who had the row first.
_CLAIM = [
    statement
    for table in TABLES
    for statement in (
        f"""
        INSERT INTO contested_rows (row_id, session_id, job_number)
        SELECT t.id, t.session_id, n FROM {table} AS t, unnest(coalesce(t.brought_by, '{{0}}')) AS n
        WHERE t.id IN (SELECT s.id FROM staged_{table} AS s JOIN {table} AS o USING (id) WHERE s.session_id <> o.session_id)
          AND NOT EXISTS (SELECT FROM contested_rows AS c WHERE c.row_id = t.id)""",
        f"""
        INSERT INTO contested_rows (row_id, session_id, job_number)
        SELECT DISTINCT s.id, s.session_id, %(job_number)s FROM staged_{table} AS s
        WHERE EXISTS (SELECT FROM contested_rows AS c WHERE c.row_id = s.id)
           OR EXISTS (SELECT FROM staged_{table} AS o WHERE o.id = s.id AND o.session_id <> s.session_id)
        ON CONFLICT DO NOTHING""",
    )
]
# Within a batch: each copy says the same session and time.
_AGREE = [
    f"""
    UPDATE staged_{table} AS s SET session_id = o.session_id, occurred_at = o.occurred_at
    FROM (SELECT id, min(session_id) AS session_id, min(occurred_at) AS occurred_at FROM staged_{table} GROUP BY id HAVING count(*) > 1) AS o
    WHERE s.id = o.id AND (s.session_id, s.occurred_at) <> (o.session_id, o.occurred_at)"""
    for table in TABLES
]
# What came over the wire keeps the time that the client gave it.
_HAS_BETTER_CLAIM = "(s.session_id < t.session_id OR s.occurred_at < t.occurred_at AND NOT coalesce(0 = ANY(t.brought_by), true))"
_MOVES = " UNION ".join(
    f"SELECT t.session_id, s.session_id AS owner FROM staged_{table} AS s JOIN {table} AS t USING (id) WHERE {_HAS_BETTER_CLAIM}"
    for table in TABLES
)
_HAND_OVER = [
    f"""
    UPDATE {table} AS t SET session_id = least(t.session_id, s.session_id),
        occurred_at = CASE WHEN coalesce(0 = ANY(t.brought_by), true) THEN t.occurred_at ELSE least(t.occurred_at, s.occurred_at) END
    FROM (SELECT DISTINCT id, session_id, occurred_at FROM staged_{table}) AS s WHERE t.id = s.id AND {_HAS_BETTER_CLAIM}"""
    for table in TABLES
]
# An undo looks for its rows in the sessions that it knows of.
_NOTE_OWNERS = [
    f"""
    INSERT INTO import_sessions (job_number, session_id)
    SELECT DISTINCT n, t.session_id FROM {table} AS t, unnest(t.brought_by) AS n WHERE t.session_id = ANY(%(session_ids)s) AND n > 0 ON CONFLICT DO NOTHING"""
    for table in TABLES
]


def owners(connection: Connection[Any]) -> set[str]:
    """Other sessions that already have rows of the staged batch."""
    return {row[0] for row in connection.execute(_OTHERS)}


def settle(connection: Connection[Any], parameters: dict[str, Any]) -> tuple[set[int], int]:
    """Hands rows over to a session of the batch that has the better claim; gives the projects this touched, and how many sessions are new by it.

    `parameters` as of rework.reworked(), the owners among their session_ids.
    """
    for statement in (*_CLAIM, *_AGREE):
        connection.execute(statement.encode(), parameters)
    moves = connection.execute(_MOVES).fetchall()
    if not moves:
        return set(), 0
    parameters = parameters | {"session_ids": sorted({session_id for move in moves for session_id in move})}
    with reattribution.reworked(connection, parameters) as projects:
        for statement in _HAND_OVER:
            connection.execute(statement.encode())
        for statement in _NOTE_OWNERS:
            connection.execute(statement.encode(), parameters)
        new_sessions = session_rebuild.remake(connection, parameters)
    return projects, new_sessions
