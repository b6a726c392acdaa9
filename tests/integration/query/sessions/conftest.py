"""Transcripts that are read and stored as an import does, to be asked for by the API."""

import io
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import FileSummary, RecordError
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear, prepare_connection
from shared.blobs.contents import ContentStore
from shared.blobs.stores import archive_at
from tests.conftest import LOCAL
from tests.integration.query import seed
from tests.integration.query.sessions.timelines import NOON
from tests.kept_connection import Connection
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import START, jsonl


@pytest.fixture
def bring(connection: Connection) -> Callable[..., None]:
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


@pytest.fixture
def archive(tmp_path: Path) -> ContentStore:
    return archive_at((tmp_path / "archive").as_uri())


@pytest.fixture
def archive_client(query_settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    """A client of a service that reads this archive."""
    changes = {"archive_url": (tmp_path / "archive").as_uri(), "query_database_connections": 3}
    with TestClient(create_app(query_settings.model_copy(update=changes)), LOCAL) as client:
        yield client


@pytest.fixture
def session(connection: Connection) -> str:
    seed.add_project(connection, "/home/ann/shop")
    seed.add_session(connection, "s", 1, started_at=NOON)
    return "s"
