"""The titles of sessions. The rule is in the database, so that nothing else has it (deploy/migrations/schema/05_titles.sql)."""

from collections.abc import Collection
from typing import Any, Final

from psycopg import Connection

_UPDATE: Final = """
    UPDATE sessions AS s SET title = n.title, title_source = n.source
    FROM (
        SELECT w.session_id, t.title, t.source
        FROM unnest(%(session_ids)s::text[]) AS w (session_id) LEFT JOIN LATERAL session_title(w.session_id) AS t ON true
    ) AS n
    WHERE s.session_id = n.session_id AND (s.title, s.title_source) IS DISTINCT FROM (n.title, n.source)"""

# Every session's titles, as verify compares them.
STORED_TITLES: Final = "SELECT session_id, title, title_source FROM sessions"
EXPECTED_TITLES: Final = """
    SELECT s.session_id, t.title, t.source AS title_source
    FROM sessions AS s LEFT JOIN LATERAL session_title(s.session_id) AS t ON true"""


def update_titles(connection: Connection[Any], session_ids: Collection[str]) -> None:
    """Makes the titles of these sessions anew, from the rows and facts that are stored. The caller has the sessions' locks."""
    if session_ids:
        connection.execute(_UPDATE, {"session_ids": sorted(session_ids)})
