"""The SQL of captured transcripts on the writing side: how far a file is stored."""

from services.ingest.postgres.database import Database

_STORED = """
    SELECT f.generation, f.stored_offset, coalesce(o.name, u.name, f.user_name) AS user_name
    FROM transcript_files AS f LEFT JOIN users AS u ON u.name = f.user_name LEFT JOIN users AS o ON o.id = u.alias_of
    WHERE f.session_id = %(session_id)s AND f.file_name = %(file_name)s AND f.machine_id = %(machine_id)s
    ORDER BY f.generation DESC LIMIT 1"""


async def stored_offset(database: Database, session_id: str, machine_id: str, file_name: str) -> tuple[int, int, str | None]:
    """The newest generation of a machine's file, how many of its bytes are stored, and its user's present name; (0, 0, None) for a new file.

    Answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
    """
    rows = await database.rows(_STORED, {"session_id": session_id, "file_name": file_name, "machine_id": machine_id})
    return (rows[0]["generation"], rows[0]["stored_offset"], rows[0]["user_name"]) if rows else (0, 0, None)
