"""Captured files of which a part is in the archive: read on from there, also after the archive was away."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from services.worker.archive.compaction import compact_some
from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import read_captured
from services.worker.resources import Resources
from services.worker.row_lease import MAX_ATTEMPTS
from shared.blobs.contents import path_of
from tests.integration.worker.all_tables import all_tables, is_verified
from tests.integration.worker.capture.captured import capture, imported, put_range
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, WHOLE, jsonl, prompt


@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_file_goes_on_behind_what_was_archived(worker: Resources, tmp_path: Path, is_remembered: bool) -> None:
    """given that what was read becomes segments after each line or two, then the rows are the same, with the parser's state and without."""
    expected = imported(worker, tmp_path, jsonl(*WHOLE))
    states = ParserStates()

    for n, row in enumerate(WHOLE):
        capture(worker, SESSION, jsonl(row), states if is_remembered else None)
        if n % 3:
            with worker.transaction() as connection:
                [(file_id,)] = connection.execute("SELECT id FROM transcript_files").fetchall()
            compact_some(worker, file_id)

    assert all_tables(worker) == expected
    assert is_verified(worker)


def test_a_file_waits_for_the_archive_and_holds_up_no_other(worker: Resources) -> None:
    """given a parser's state that has to be made from an archive that is away, then others are read, and the file is read when it is back."""
    capture(worker, SESSION, jsonl(*WHOLE[:4]))
    with worker.transaction() as connection:
        [(file_id,)] = connection.execute("SELECT id FROM transcript_files").fetchall()
    compact_some(worker, file_id)
    with worker.transaction() as connection:
        [(sha256,)] = connection.execute("SELECT sha256 FROM transcript_segments").fetchall()
        put_range(connection, SESSION, jsonl(*WHOLE[4:]))
    frame = worker.archive.get(sha256.hex())
    path = Path(unquote(urlsplit(worker.settings.archive_url).path)) / path_of(sha256.hex())
    path.unlink()
    path.mkdir()

    for n in range(MAX_ATTEMPTS + 1):
        be_due(worker)
        capture(worker, "other", jsonl(prompt(n, f"o{n}", "hello") | {"sessionId": "other"}))

    with worker.transaction() as connection:
        state = "SELECT session_id, parsed_offset = stored_offset, read_attempts, read_again_at > now() FROM transcript_files ORDER BY id"
        assert connection.execute(state).fetchall() == [(SESSION, False, 0, True), ("other", True, 0, None)]

    path.rmdir()
    worker.archive.put(sha256.hex(), frame)
    be_due(worker)
    assert not read_captured(worker, ParserStates())
    with worker.transaction() as connection:
        counts = "SELECT session_id, count(*) FROM messages GROUP BY 1 ORDER BY 1"
        assert dict(connection.execute(counts).fetchall()) == {SESSION: 4, "other": MAX_ATTEMPTS + 1}
        assert connection.execute("SELECT errors FROM import_jobs").fetchone() == ([],)
    assert is_verified(worker)


def be_due(worker: Resources) -> None:
    with worker.transaction() as connection:
        connection.execute("UPDATE transcript_files SET read_again_at = now() WHERE read_again_at IS NOT NULL")
