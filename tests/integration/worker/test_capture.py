"""Live capture: ranges of transcripts become the rows that an import of the whole files makes."""

from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from services.worker.capture.parser_states import ParserStates
from services.worker.importers.job import run_shard
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from tests.integration.worker.all_tables import tables
from tests.integration.worker.captured import capture
from tests.unit.worker.importers.rows_of_a_session import SESSION, WHOLE, jsonl


def import_files(worker: Resources, folder: Path, *contents: bytes) -> UUID:
    job_id = uuid4()
    files = []
    for n, content in enumerate(contents):
        path = folder / f"{job_id}-{n}"
        path.write_bytes(content)
        files.append({"name": f"{n}.jsonl", "blob_url": path.as_uri(), "bytes": len(content), "kind": "transcript"})
    with worker.transaction() as connection:
        connection.execute("INSERT INTO import_jobs (id, files, user_name) VALUES (%s, %s, 'ann')", [job_id, Jsonb(files)])
        connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", [job_id])
    run_shard.run(worker, job_id, 0)
    return job_id


def all_tables(worker: Resources) -> dict[str, list[str]]:
    with worker.transaction() as connection:
        return tables(connection)


def empty(worker: Resources) -> None:
    with worker.transaction() as connection:
        found = connection.execute(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        [(names,)] = found.fetchall()
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY".encode())


def is_verified(worker: Resources) -> bool:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        return set(verify(connection, worker.idle_gap).values()) == {0}


def imported(worker: Resources, folder: Path, *contents: bytes) -> dict[str, list[str]]:
    """The tables of an import into an empty database, which is emptied again."""
    import_files(worker, folder, *contents)
    found = all_tables(worker)
    empty(worker)
    return found


def test_a_transcript_captured_line_by_line_is_the_same_as_its_import(worker: Resources, tmp_path: Path) -> None:
    expected = imported(worker, tmp_path, jsonl(*WHOLE))

    states = ParserStates()
    for row in WHOLE:
        capture(worker, SESSION, jsonl(row), states)
        assert is_verified(worker)

    assert all_tables(worker) == expected


def test_a_process_without_a_state_goes_on_from_what_is_stored(worker: Resources, tmp_path: Path) -> None:
    expected = imported(worker, tmp_path, jsonl(*WHOLE))

    for row in WHOLE:
        capture(worker, SESSION, jsonl(row))

    assert all_tables(worker) == expected
    assert is_verified(worker)
