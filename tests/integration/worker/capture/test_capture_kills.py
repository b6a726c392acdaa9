"""Processes that read captured transcripts are killed at any instant: another one goes on, and every row is stored once."""

import multiprocessing
import random
import time
from pathlib import Path

import pytest

from services.worker.capture import file_reading, read_captured
from services.worker.capture.parser_states import ParserStates
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from services.worker.sweep.scheduler import Looks
from tests.integration.worker.all_tables import all_tables, is_verified
from tests.integration.worker.capture.captured import imported, put_range
from tests.integration.worker.imports.import_jobs import SESSIONS, session_file

KILLS = 12


def read_for_ever(settings: Settings) -> None:
    resources = open_resources(settings)
    states = ParserStates()
    while True:
        read_captured.read_captured(resources, states)
        time.sleep(0.01)


def test_captured_transcripts_survive_kills_of_their_readers(
    worker: Resources, looks: Looks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given transactions of a few records; a forked process has them too
    for module in (file_reading, read_captured):
        monkeypatch.setattr(module, "CHUNK_RECORDS", 12)
    contents = {f"session-{number}": session_file(number) for number in range(SESSIONS)}
    expected = imported(worker, tmp_path, *contents.values())
    rows = {session_id: content.splitlines(keepends=True) for session_id, content in contents.items()}
    context = multiprocessing.get_context("fork")
    seeded = random.Random(7)

    # When ranges of all files come, two processes read, and one of them is killed at any instant
    readers = [context.Process(target=read_for_ever, args=(worker.settings,)) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for kill in range(KILLS):
            with worker.transaction() as connection:
                for session_id, lines in rows.items():
                    share = len(lines) // (KILLS - kill)
                    if share:
                        put_range(connection, session_id, b"".join(lines[:share]))
                        del lines[:share]
            time.sleep(seeded.random() * 0.2)
            killed = seeded.randrange(2)
            readers[killed].kill()
            readers[killed].join()
            readers[killed] = context.Process(target=read_for_ever, args=(worker.settings,))
            readers[killed].start()
    finally:
        for reader in readers:
            reader.kill()
            reader.join()
    # Postgres may keep the lock of a killed reader for a moment. Beat looks again, too.
    while looks.captured():
        read_captured.read_captured(worker, ParserStates())

    # Then the tables are those of one import
    assert not any(rows.values())
    assert all_tables(worker) == expected
    assert is_verified(worker)
