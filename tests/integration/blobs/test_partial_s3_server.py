"""An S3 server that cannot list unfinished uploads: everything else works."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from services.worker.maintenance import upload_gc
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.blobs.store import BlobStoreAway, BlobStoreError
from shared.blobs.stores import store_at
from tests.integration.blobs.conftest import Use
from tests.s3_server import BUCKET

KEY = "0a415d78-0dc6-48ec-a8d2-8bb63296d12b"
OBJECTS = (
    f"""<ListBucketResult><Contents><Key>{KEY}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"""
)
CANNOT = "<Error><Code>NotImplemented</Code><Message>no</Message></Error>"


class Server(ThreadingHTTPServer):
    """Lists one old object, deletes it, and can do nothing else."""

    deleted: list[str]


class Answers(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        can = "list-type=2" in self.path
        self._answer(200 if can else 501, OBJECTS if can else CANNOT)

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.path)
        self._answer(204, "")

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def server(use_s3: Use) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answers) as serving:
        serving.deleted = []
        thread = Thread(target=serving.serve_forever)
        thread.start()
        use_s3(serving.server_address[1])
        yield serving
        serving.shutdown()
        thread.join()


def test_an_unsupported_operation_is_reported_and_is_not_an_outage(server: Server) -> None:
    with pytest.raises(BlobStoreError, match=r"refuses \(NotImplemented\)") as refused:
        store_at(f"s3://{BUCKET}").abort_unfinished(datetime.now(UTC))
    assert not isinstance(refused.value, BlobStoreAway)


def test_objects_are_still_swept(server: Server, database_url: str, redis_url: str, tmp_path: Path) -> None:
    worker = open_resources(Settings(database_url=database_url, redis_url=redis_url, blob_url=f"s3://{BUCKET}"))
    assert upload_gc.sweep(worker) == 1
    worker.close()
    assert server.deleted == [f"/{BUCKET}/{KEY}"]
