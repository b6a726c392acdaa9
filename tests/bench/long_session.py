"""More of a data set's long session: subagents, results of its calls, diffs of its changes, thinking. Its timeline reads all of it."""

from psycopg import Connection

# A subagent works in each tenth quarter of an hour.
_AGENTS = """
    UPDATE {table} SET agent_id = 'a' || to_hex(extract(epoch FROM occurred_at)::bigint / 900)
    WHERE session_id = %(session_id)s AND extract(epoch FROM occurred_at)::bigint / 900 %% 10 = 0"""
_RESULTS = """
    UPDATE tool_calls AS t SET result = left(repeat(m.content || E'\\n', 4), 16384)
    FROM (SELECT id, row_number() OVER (ORDER BY occurred_at) AS place FROM tool_calls WHERE session_id = %(session_id)s) AS c
    JOIN (SELECT content, row_number() OVER (ORDER BY occurred_at) AS place FROM messages WHERE session_id = %(session_id)s) AS m
        ON m.place = 1 + c.place %% 4000
    WHERE t.id = c.id"""
# Every other change was made by a call, and is then no item of its own.
_PATCHES = """
    UPDATE activities AS a SET patch = '@@ -1,4 +1,4 @@' || E'\\n-' || repeat('before ', 40) || E'\\n+' || repeat('after ', 40),
        tool_call_id = CASE WHEN c.place %% 2 = 0 THEN c.call END
    FROM (
        SELECT o.id, o.place, t.id AS call
        FROM (SELECT id, row_number() OVER (ORDER BY occurred_at) AS place FROM activities WHERE session_id = %(session_id)s) AS o
        LEFT JOIN (
            SELECT id, row_number() OVER (ORDER BY occurred_at) AS place FROM tool_calls WHERE session_id = %(session_id)s AND tool_name = 'Edit'
        ) AS t ON t.place = o.place) AS c
    WHERE a.id = c.id"""
_THINKING = """
    INSERT INTO timeline_entries (id, session_id, project_id, user_id, kind, content, occurred_at, agent_id, source, received_at)
    SELECT md5('thinking ' || id)::uuid, session_id, project_id, user_id, 'thinking', repeat('so then ', 60), occurred_at, agent_id, source, received_at
    FROM messages WHERE session_id = %(session_id)s AND role = 'assistant' ORDER BY occurred_at LIMIT 1000"""


def deepen(connection: Connection, session_id: str) -> None:
    """Gives the rows of the session all that."""
    asked = {"session_id": session_id}
    for table in ("messages", "tool_calls", "api_calls", "activities"):
        connection.execute(_AGENTS.format(table=table).encode(), asked)
    for statement in (_RESULTS, _PATCHES, _THINKING):
        connection.execute(statement.encode(), asked)
