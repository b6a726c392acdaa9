"""Puts ranges of transcripts where the drain puts them, and reads them as the worker does."""

from datetime import UTC, datetime
from typing import Any

import zstandard
from psycopg import Connection

from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import read_captured
from services.worker.resources import Resources

# Later than any sample: a time is left out if it is far in the future from then.
RECEIVED_AT = datetime(2027, 6, 1, tzinfo=UTC)

_FILE = """
    INSERT INTO transcript_files (session_id, file_name, machine_id, generation, user_name, bound_user) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (session_id, file_name, machine_id, generation) DO UPDATE SET user_name = excluded.user_name RETURNING id, stored_offset"""


def put_range(
    connection: Connection[Any],
    session_id: str,
    content: bytes,
    *,
    file_name: str | None = None,
    machine_id: str = "m1",
    generation: int = 0,
    user: str | None = "ann",
    bound_user: str | None = None,
    original_bytes: int | None = None,
) -> int:
    """Stores whole lines behind what is stored of the file. `original_bytes`: their length on the machine, where redaction changed it."""
    found = connection.execute(_FILE, [session_id, file_name or f"{session_id}.jsonl", machine_id, generation, user, bound_user]).fetchone()
    assert found is not None
    file_id, start = found
    end = start + (len(content) if original_bytes is None else original_bytes)
    frame = zstandard.ZstdCompressor().compress(content)
    connection.execute(
        "INSERT INTO transcript_ranges (file_id, start_offset, end_offset, content, raw_bytes, received_at) VALUES (%s, %s, %s, %s, %s, %s)",
        [file_id, start, end, frame, len(content), RECEIVED_AT],
    )
    connection.execute("UPDATE transcript_files SET stored_offset = %s, changed_at = now() WHERE id = %s", [end, file_id])
    return int(file_id)


def capture(worker: Resources, session_id: str, content: bytes, states: ParserStates | None = None, **file: Any) -> None:
    """Stores a range and reads all that waits."""
    with worker.transaction() as connection:
        put_range(connection, session_id, content, **file)
    while read_captured(worker, states if states is not None else ParserStates()):
        pass
