"""`GET /api/sessions/{id}/transcript`: the stored content as a stream, and the list of a session's files."""

import json
import random
import resource
import socket
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings
from services.worker.archive.segments import SEGMENT_BYTES, frame_of
from shared.blobs.contents import ContentStore
from shared.http.server import ClientLimits
from tests.integration.query import seed
from tests.integration.served_app import running
from tests.kept_connection import Connection
from tests.stored_transcripts import add_file

SESSION = "11111111-2222-4333-8444-555555555555"
NOW = datetime.now(UTC)


def lines(count: int, salt: int = 0) -> bytes:
    """Lines that compress as badly as real ones."""
    rng = random.Random(salt)
    return b"".join(json.dumps({"n": n, "text": rng.randbytes(40).hex()}).encode() + b"\n" for n in range(count))


@pytest.fixture
def client(archive_client: TestClient) -> TestClient:
    return archive_client


@pytest.fixture
def session(connection: Connection) -> str:
    seed.add_session(connection, SESSION, seed.add_project(connection, "/home/ann/app"))
    return SESSION


def path(suffix: str = "") -> str:
    return f"/api/sessions/{SESSION}/transcript{suffix}"


@pytest.mark.parametrize("archived", [0, 1, 2.5, None])
def test_the_content_is_that_of_segments_and_ranges(
    client: TestClient, connection: Connection, archive: ContentStore, session: str, archived: float | None
) -> None:
    """given a file of several megabytes, of which none, some or all is archived, then it comes as it was stored."""
    content = lines(40_000)
    bound = None if archived is None else content.rfind(b"\n", 0, int(archived * SEGMENT_BYTES)) + 1
    add_file(connection, archive, session, content, archived=bound, machine_id="laptop")

    answer = client.get(path())

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert answer.content == content
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["x-transcript-machine"] == "laptop"


def test_the_newest_version_is_given_and_all_are_listed(
    client: TestClient, connection: Connection, archive: ContentStore, session: str
) -> None:
    """given a rewritten file on one machine, and a longer one on another where the session was resumed, then the longer one is the newest."""
    old, new, resumed, agent = lines(30, 1), lines(10, 2), lines(20, 3), lines(5, 4)
    add_file(connection, archive, session, old, machine_id="desk", generation=0)
    add_file(connection, archive, session, new, machine_id="desk", generation=1)
    add_file(connection, None, session, resumed, machine_id="laptop", archived=0, changed_at=NOW - timedelta(days=1), user_name="ann")
    add_file(connection, archive, session, agent, file_name="subagents/agent-a1.jsonl")

    listed = client.get(path("/files")).json()["items"]

    assert [(item["file"], item["machine"], item["generation"], item["bytes"], item["is_newest"]) for item in listed] == [
        (f"{SESSION}.jsonl", "laptop", 0, len(resumed), True),
        (f"{SESSION}.jsonl", "desk", 1, len(new), False),
        (f"{SESSION}.jsonl", "desk", 0, len(old), False),
        ("subagents/agent-a1.jsonl", "", 0, len(agent), True),
    ]
    assert listed[0]["user"] == "ann"
    assert client.get(path()).content == resumed
    assert client.get(path("?machine=desk")).content == new
    assert client.get(path("?machine=desk&generation=0")).content == old
    assert client.get(path("?file=subagents/agent-a1.jsonl")).content == agent
    assert client.get(path("?file=subagents/agent-a1.jsonl&machine=")).content == agent


def test_an_unchanged_content_need_not_be_sent_again(
    client: TestClient, connection: Connection, archive: ContentStore, session: str
) -> None:
    add_file(connection, archive, session, lines(10), archived=0, machine_id="laptop")
    tag = client.get(path()).headers["etag"]

    again = client.get(path(), headers={"If-None-Match": tag})
    head = client.head(path())

    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
    connection.execute("UPDATE transcript_ranges SET end_offset = end_offset + 1")
    connection.execute("UPDATE transcript_files SET stored_offset = stored_offset + 1")
    assert client.get(path(), headers={"If-None-Match": tag}).status_code == 200


def test_what_is_not_stored_is_a_404_that_says_so(client: TestClient, connection: Connection, archive: ContentStore, session: str) -> None:
    unknown = client.get("/api/sessions/nobody/transcript")
    without = client.get(path())
    assert (unknown.status_code, unknown.json()["code"]) == (404, "SESSION_NOT_FOUND")
    assert (without.status_code, without.json()["code"]) == (404, "TRANSCRIPT_NOT_FOUND")
    assert client.get(path("/files")).json()["code"] == "TRANSCRIPT_NOT_FOUND"

    add_file(connection, archive, session, lines(1))
    for query in ("?file=other.jsonl", "?machine=desk", "?generation=3"):
        assert client.get(path(query)).json()["code"] == "TRANSCRIPT_NOT_FOUND"
    assert client.get(path("?n=1")).status_code == 400


def test_a_lost_content_is_a_410(client: TestClient, connection: Connection, archive: ContentStore, session: str) -> None:
    add_file(connection, archive, session, lines(10))
    for stored in archive.stored():
        archive.delete(stored.name)

    answer = client.get(path())

    assert (answer.status_code, answer.json()["code"]) == (410, "TRANSCRIPT_GONE")


def test_a_damaged_content_is_a_410_and_health_names_it(
    client: TestClient, connection: Connection, archive: ContentStore, session: str, tmp_path: Path
) -> None:
    """given a content whose bytes are no longer those that were put, as a reparse has found, then it is refused and named."""
    file_id = add_file(connection, archive, session, lines(10))
    [stored] = archive.stored()
    (tmp_path / "archive" / stored.name[:2] / stored.name[2:]).write_bytes(frame_of(lines(10, salt=1)))
    connection.execute("INSERT INTO damaged_segments (file_id, sha256, reason) VALUES (%s, '', 'damaged')", (file_id,))

    answer = client.get(path())
    health = client.get("/api/accounting").json()

    assert (answer.status_code, answer.json()["code"]) == (410, "TRANSCRIPT_DAMAGED")
    [named] = health["damaged_transcripts"]
    assert (named["session_id"], named["file"], named["reason"]) == (SESSION, f"{SESSION}.jsonl", "damaged")


def test_what_waits_behind_a_gap_is_not_given(client: TestClient, connection: Connection, archive: ContentStore, session: str) -> None:
    content = lines(10)
    add_file(connection, archive, session, content, archived=0, machine_id="laptop")
    connection.execute(
        "INSERT INTO transcript_ranges (file_id, start_offset, end_offset, content, raw_bytes, received_at)"
        " SELECT file_id, start_offset + 1000000, end_offset + 1000000, content, raw_bytes, received_at FROM transcript_ranges"
    )

    assert client.get(path()).content == content


def test_slow_readers_keep_neither_connections_nor_memory(
    database_url: str, redis_url: str, tmp_path: Path, connection: Connection, archive: ContentStore, session: str
) -> None:
    """given more readers than connections, none of whom reads on, then others are answered, and a reader who reads on gets all of it."""
    content = lines(200_000)
    add_file(connection, archive, session, content)
    url = (tmp_path / "archive").as_uri()
    settings = Settings(database_url=database_url, redis_url=redis_url, log_level="CRITICAL", archive_url=url, query_database_connections=3)
    limits = ClientLimits(max_connections=64)
    with running(create_app(settings), limits) as address, ExitStack() as stack:
        request = f"GET {path()} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        slow = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(20)]
        for each in slow:
            each.sendall(request)
        assert all(each.recv(20).startswith(b"HTTP/1.1 200") for each in slow)

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with httpx.Client(base_url=f"http://localhost:{address[1]}", trust_env=False) as client:
            assert client.get(f"/api/sessions/{SESSION}").status_code == 200
            assert client.get(path("/files")).status_code == 200
        got = bytearray()
        while chunk := slow[0].recv(1 << 20):
            got += chunk
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert bytes(got).endswith(content)
    # This process has the one whole answer, and a few pieces of each reader. All answers would have 20 times the content.
    assert (after - before) * 1024 < 6 * len(content)
