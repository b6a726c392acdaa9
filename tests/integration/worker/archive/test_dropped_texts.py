"""Transcripts of sessions whose texts were dropped: the archive forgets them, and a file that goes on is kept from there on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.worker.archive.compaction import compact_some
from services.worker.archive.retention import collect_garbage
from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from shared.archive.stored_pieces import pieces_of
from tests.integration.worker.all_tables import differences
from tests.integration.worker.archive.imported_contents import add_job
from tests.integration.worker.capture.captured import capture
from tests.integration.worker.maintenance.retaining import drop, set_rule, texts
from tests.integration.worker.statements import select
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, WHOLE, jsonl, prompt

CONTENT = jsonl(*WHOLE)


def pieces(worker: Resources) -> list[Any]:
    with worker.transaction() as connection:
        return [
            (piece.start_offset, piece.end_offset, piece.content)
            for (file_id,) in connection.execute("SELECT id FROM transcript_files ORDER BY id").fetchall()
            for piece in pieces_of(connection, file_id, worker.archive)
        ]


def later() -> bytes:
    """A prompt of the session that is written today, months after the others."""
    return jsonl(prompt(0, "later", "What was it?") | {"sessionId": SESSION, "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"})


def test_a_file_that_goes_on_is_kept_behind_what_was_dropped(worker: Resources) -> None:
    """given a captured file, when its texts were dropped and its machine goes on with it, then only what is new is stored, also as a segment."""
    capture(worker, SESSION, CONTENT)
    set_rule(worker, "texts", 30)
    assert drop(worker)["texts"][0] == 1
    assert pieces(worker) == []

    capture(worker, SESSION, content := later())

    start = len(CONTENT)
    assert pieces(worker) == [(start, start + len(content), content)]
    assert "What was it?" in texts(worker)
    assert differences(worker) == {}
    [(file_id,)] = select(worker, "SELECT id FROM transcript_files")
    compact_some(worker, file_id)
    assert select(worker, "SELECT count(*) FROM transcript_segments") == [(1,)]
    assert pieces(worker) == [(start, start + len(content), content)]


def test_an_import_brings_a_dropped_text_neither_into_rows_nor_into_the_archive(worker: Resources, tmp_path: Path) -> None:
    run_shard.run(worker, add_job(worker, tmp_path, {f"projects/p/{SESSION}.jsonl": CONTENT}), 0)
    assert pieces(worker)
    set_rule(worker, "texts", 30)
    drop(worker)
    assert (pieces(worker), texts(worker)) == ([], set())

    run_shard.run(worker, add_job(worker, tmp_path, {f"projects/p/{SESSION}.jsonl": CONTENT + b"\n"}), 0)

    assert (pieces(worker), texts(worker)) == ([], set())
    assert collect_garbage(worker, min_age=timedelta(0)) > 0
    assert list(worker.archive.stored()) == []
    assert differences(worker) == {}
