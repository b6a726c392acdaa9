"""The SQL of captured transcripts on the writing side: how far a file is stored."""

from services.ingest.postgres.database import Database

_STORED = """
    SELECT generation, stored_offset FROM transcript_files
    WHERE session_id = %(session_id)s AND file_name = %(file_name)s AND machine_id = %(machine_id)s
    ORDER BY generation DESC LIMIT 1"""


async def stored_offset(database: Database, session_id: str, machine_id: str, file_name: str) -> tuple[int, int]:
    """The newest generation of a machine's file, and how many of its bytes are stored; (0, 0) for a file that is not known.

    Answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
    """
    rows = await database.rows(_STORED, {"session_id": session_id, "file_name": file_name, "machine_id": machine_id})
    return (rows[0]["generation"], rows[0]["stored_offset"]) if rows else (0, 0)
