"""Forked and resumed sessions: their files hold copies of another session's rows, under the copied ids but their own session id. Counted once.

Of all sessions that have a row, the one with the least id owns it. That is as good as any other rule, since a copy looks like its original, and it does
not depend on which file was read first.
"""

from typing import Any

from psycopg import Connection

from services.worker import rework, session_rows

TABLES = ("messages", "tool_calls", "activities", "api_calls")

# Any constant: imports persist one after the other, so that none sees a row of which another is just becoming the owner.
_TURNS = 0x_1A9047


def take_turns(connection: Connection[Any]) -> None:
    """Waits until no other import is persisting; held until the end of the transaction. Live events do not take part."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TURNS,))


_OTHERS = " UNION ".join(
    f"SELECT t.session_id FROM staged_{table} AS s JOIN {table} AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id"
    for table in TABLES
)
# Within a batch: each copy says the same session.
_AGREE = [
    f"UPDATE staged_{table} AS s SET session_id = o.session_id "
    f"FROM (SELECT id, min(session_id) AS session_id FROM staged_{table} GROUP BY id HAVING count(DISTINCT session_id) > 1) AS o "
    "WHERE s.id = o.id AND s.session_id <> o.session_id"
    for table in TABLES
]
_LOSERS = " UNION ".join(
    f"SELECT t.session_id, s.session_id AS owner FROM staged_{table} AS s JOIN {table} AS t USING (id) WHERE s.session_id < t.session_id" for table in TABLES
)
_HAND_OVER = [
    f"UPDATE {table} AS t SET session_id = s.session_id FROM (SELECT DISTINCT id, session_id FROM staged_{table}) AS s "
    "WHERE t.id = s.id AND s.session_id < t.session_id"
    for table in TABLES
]
_FILES_OF_OWNERS = """
    INSERT INTO session_files (session_id, file_key)
    SELECT DISTINCT session_id, file_key FROM activities WHERE session_id = ANY(%(session_ids)s) ORDER BY 1, 2
    ON CONFLICT DO NOTHING"""


def owners(connection: Connection[Any]) -> set[str]:
    """Other sessions that already have rows of the staged batch."""
    return {row[0] for row in connection.execute(_OTHERS)}


def settle(connection: Connection[Any], parameters: dict[str, Any]) -> set[int]:
    """Hands rows over to a session of the batch that has the better claim; gives the projects this touched.

    `parameters` as of rework.reworked(), the owners among their session_ids.
    """
    for statement in _AGREE:
        connection.execute(statement)
    moves = connection.execute(_LOSERS).fetchall()
    if not moves:
        return set()
    parameters = parameters | {"session_ids": sorted({session_id for move in moves for session_id in move})}
    with rework.reworked(connection, parameters) as projects:
        for statement in _HAND_OVER:
            connection.execute(statement)
        connection.execute(_FILES_OF_OWNERS, parameters)
        connection.execute(session_rows.FORGET_FILES, parameters)
        connection.execute(session_rows.REMAKE.encode(), parameters)
    return projects
