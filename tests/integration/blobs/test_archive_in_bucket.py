"""An archive in a bucket: an import writes it, the query service reads it, and while it is away both say so and wait."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings as QuerySettings
from services.worker.archive.compaction import keep_up
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.blobs.store import BlobStoreAway
from tests.conftest import LOCAL
from tests.s3_server import BUCKET
from tests.stored_transcripts import add_file

SESSION = "11111111-2222-4333-8444-555555555555"
URL = f"s3://{BUCKET}/archive"
CONTENT = b"".join(b'{"n":%d,"text":"%s"}\n' % (n, b"words " * 100) for n in range(3000))


@pytest.fixture
def worker(database_url: str, redis_url: str, s3: Any) -> Iterator[Resources]:
    resources = open_resources(Settings(database_url=database_url, redis_url=redis_url, archive_url=URL))
    yield resources
    resources.close()


@pytest.fixture
def client(database_url: str, redis_url: str) -> Iterator[TestClient]:
    settings = QuerySettings(database_url=database_url, redis_url=redis_url, log_level="CRITICAL", archive_url=URL)
    with TestClient(create_app(settings), LOCAL) as client:
        yield client


def test_what_upkeep_moves_into_a_bucket_is_read_from_it(worker: Resources, client: TestClient) -> None:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        add_file(connection, None, SESSION, CONTENT, archived=0, machine_id="laptop")
        connection.execute("UPDATE transcript_files SET changed_at = now() - interval '2 hours'")

    while keep_up(worker):
        pass

    assert len(list(worker.archive.stored())) > 1
    assert client.get(f"/api/sessions/{SESSION}/transcript").content == CONTENT


def test_a_bucket_that_is_away_loses_nothing(worker: Resources, client: TestClient, use_s3: Callable[..., Any], s3_port: int) -> None:
    """given a bucket that does not answer, then ranges stay where they are, and a transcript in it is a 503."""
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        add_file(connection, worker.archive, SESSION, CONTENT)
        add_file(connection, None, "live", CONTENT, archived=0)
        connection.execute("UPDATE transcript_files SET changed_at = now() - interval '2 hours'")
    use_s3(1)

    with pytest.raises(BlobStoreAway):
        keep_up(worker)
    answer = client.get(f"/api/sessions/{SESSION}/transcript")
    assert (answer.status_code, answer.json()["code"]) == (503, "ARCHIVE_UNAVAILABLE")
    assert client.get("/api/sessions/live/transcript").content == CONTENT

    use_s3(s3_port)
    while keep_up(worker):
        pass
    assert client.get(f"/api/sessions/{SESSION}/transcript").content == CONTENT
    assert client.get("/api/sessions/live/transcript").content == CONTENT
