"""Transcripts that are read and stored as an import does, to be asked for by the API."""

import io
from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg
import pytest

from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import FileSummary, RecordError
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear, prepare_connection
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import START, jsonl


@pytest.fixture
def bring(connection: psycopg.Connection[Any]) -> Callable[..., None]:
    """Imports the rows of a file, each time by a job of its own."""
    prepare_connection(connection)
    jobs = count(1)

    def bring(*rows: dict[str, Any]) -> None:
        records = read_transcript(io.BytesIO(jsonl(*rows)), user="ann", idle_gap=IDLE_GAP)
        batch = [ReceivedEvent(each, START, "test", "1-1") for each in records if not isinstance(each, FileSummary | RecordError)]
        with connection.transaction():
            persist(connection, batch, idle_gap=IDLE_GAP, job_number=next(jobs))
            clear(connection)

    return bring
