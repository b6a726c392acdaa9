"""Puts ranges of transcripts where the drain puts them, and reads them as the worker does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import zstandard
from psycopg import Connection
from zstandard import ZstdDecompressor

from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import read_captured
from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from tests.integration.worker.all_tables import all_tables, empty
from tests.integration.worker.imports.import_jobs import start_job

# Later than any sample: a time is left out if it is far in the future from then.
RECEIVED_AT = datetime(2027, 6, 1, tzinfo=UTC)

_FILE = """
    INSERT INTO transcript_files (session_id, file_name, machine_id, generation, user_name, bound_user) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (session_id, file_name, machine_id, generation) DO UPDATE SET user_name = excluded.user_name RETURNING id, stored_offset"""

FILE = "s.jsonl"


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
    read_all(worker, states)


def import_files(worker: Resources, folder: Path, *contents: bytes, user: str | None = "ann") -> UUID:
    job_id = start_job(worker, folder, *contents, kind="transcript", user=user)
    run_shard.run(worker, job_id, 0)
    return job_id


def imported(worker: Resources, folder: Path, *contents: bytes) -> dict[str, list[str]]:
    """The tables of an import into an empty database, which is emptied again."""
    import_files(worker, folder, *contents)
    found = all_tables(worker)
    empty(worker)
    return found


def read_all(worker: Resources, states: ParserStates | None = None) -> None:
    while read_captured(worker, states if states is not None else ParserStates()):
        pass


def stored_lines(worker: Resources, file: str = FILE, generation: int = 0) -> tuple[int, bytes]:
    """How far the file is stored, and all of its ranges up to there, which must join."""
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT id, stored_offset FROM transcript_files WHERE file_name = %s AND generation = %s", [file, generation]
        ).fetchone()
        assert found
        file_id, stored_offset = found
        rows = connection.execute(
            "SELECT start_offset, end_offset, content, raw_bytes FROM transcript_ranges WHERE file_id = %s AND end_offset <= %s"
            " ORDER BY start_offset",
            [file_id, stored_offset],
        ).fetchall()
    offset, contents = 0, []
    for start, end, compressed, raw_bytes in rows:
        assert start == offset
        contents.append(ZstdDecompressor().decompress(compressed))
        assert len(contents[-1]) == raw_bytes
        offset = end
    assert offset == stored_offset
    return stored_offset, b"".join(contents)
