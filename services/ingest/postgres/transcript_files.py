"""The SQL of captured transcripts on the writing side: how far a file is stored, and whose it is."""

from msgspec import Struct

from services.ingest.postgres.database import Database

# The owner of the session; while it has none, the user whose file came first. Users by their present names.
_STORED = """
    SELECT coalesce(f.generation, 0) AS generation, coalesce(f.stored_offset, 0) AS stored_offset,
        coalesce(of_session.name, first.name) AS session_user, of_machine.name AS machine_user
    FROM (SELECT) AS one
    LEFT JOIN LATERAL (
        SELECT generation, stored_offset FROM transcript_files
        WHERE session_id = %(session_id)s AND file_name = %(file_name)s AND machine_id = %(machine_id)s
        ORDER BY generation DESC LIMIT 1) AS f ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(o.name, u.name) AS name
        FROM sessions AS s JOIN users AS u ON u.id = s.user_id LEFT JOIN users AS o ON o.id = u.alias_of
        WHERE s.session_id = %(session_id)s) AS of_session ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(o.name, u.name, t.user_name) AS name
        FROM transcript_files AS t LEFT JOIN users AS u ON u.name = t.user_name LEFT JOIN users AS o ON o.id = u.alias_of
        WHERE t.session_id = %(session_id)s AND t.user_name IS NOT NULL ORDER BY t.id LIMIT 1) AS first ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(o.name, u.name, m.user_name) AS name
        FROM machines AS m LEFT JOIN users AS u ON u.name = m.user_name LEFT JOIN users AS o ON o.id = u.alias_of
        WHERE m.machine_id = %(machine_id)s) AS of_machine ON true"""


class StoredFile(Struct, frozen=True):
    """The newest generation of a machine's file and how many of its bytes are stored; 0 and 0 for a new file. None: no user is known."""

    generation: int
    stored_offset: int
    session_user: str | None
    machine_user: str | None


async def stored_file(database: Database, session_id: str, machine_id: str, file_name: str) -> StoredFile:
    """Answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""
    [row] = await database.rows(_STORED, {"session_id": session_id, "file_name": file_name, "machine_id": machine_id})
    return StoredFile(**row)
