"""Secrets that came in by every field of every route, before there were rules: after a scrub they are in no answer, and in no file but those it names."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest
import zstandard
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from shared.feed import FEED_KEY, ITEMS_FIELD, decode_items
from tests.flow.conftest import Stack, running_stack
from tests.flow.redaction.planted_secrets import SECONDS, Secrets, plant_everywhere
from tests.integration.query.live.live_stream import items
from tests.required_scopes import READING
from tests.servers import Server

# Pages without data; the feed is read by itself.
LEFT_OUT = {"/", "/docs", "/api/live"}
# {route: queries}, where one without says less.
QUERIES = {
    "/api/search": ["?q=words", "?q=github"],
    "/api/conversations/search": ["?q=github"],
    "/api/files/history": ["?path=/x/*"],
    "/api/compare": [f"?start_date=2024-01-01&end_date=2024-12-31&group_by={group}" for group in ("project", "branch", "tool")],
    "/api/sessions/{session_id}/export": [f"?format={format}" for format in ("markdown", "html", "json", "digest")],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def old_stack(folder: Path, postgres_url: str, redis_server_url: str) -> Iterator[Stack]:
    """One that redacts nothing, as before there were rules."""
    settings = {
        "TRACKER_REDACT": "off",
        "TRACKER_ARCHIVE_URL": (folder / "archive").as_uri(),
        "TRACKER_BLOB_URL": (folder / "blobs").as_uri(),
    }
    with running_stack(folder, postgres_url, redis_server_url, 12, **settings) as running:
        yield running


def contents(stack: Stack, folder: Path, postgres: Server, redis: Server) -> Iterator[bytes]:
    """Every file of the databases, logs, uploads, the archive; and every row, of which a file may have a compressed form."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    yield from postgres.files()
    yield from redis.files()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield content
            if content.startswith(zstandard.MAGIC_NUMBER.to_bytes(4, "little")):
                yield zstandard.ZstdDecompressor().decompress(content)
    for (frame,) in stack.select("SELECT content FROM transcript_ranges"):
        assert isinstance(frame, bytes)
        yield zstandard.ZstdDecompressor().decompress(frame)
    for (table,) in stack.select("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        yield str(stack.select(f"SELECT t::text FROM {table} AS t")).encode()


def answers(stack: Stack, session_ids: list[str], scrub_id: str) -> Iterator[tuple[str, bytes]]:
    """Path and answer of each route that reads, with every id that it can have."""
    ids = {
        "session_id": session_ids,
        "project_id": [str(row[0]) for row in stack.select("SELECT id FROM projects")],
        "job_id": [str(row[0]) for row in stack.select("SELECT id FROM import_jobs WHERE kind <> 'capture'")],
        "call_id": [str(row[0]) for row in stack.select("SELECT id FROM tool_calls")],
        "letter_id": [str(row[0]) for row in stack.select("SELECT id FROM dead_letters")],
        "scrub_id": [scrub_id],
        "date": [
            str(row[0])
            for row in stack.select("SELECT DISTINCT (dated_at AT TIME ZONE 'UTC')::date FROM sessions WHERE dated_at > '-infinity'")
        ],
    }
    for method, template in READING:
        if method != "GET" or template in LEFT_OUT:
            continue
        names = [name for name in ids if f"{{{name}}}" in template]
        paths = [template.replace(f"{{{names[0]}}}", each) for each in ids[names[0]]] if names else [template]
        for path in paths:
            for query in QUERIES.get(template, [""]):
                answer = stack.http.get(path + query)
                # A session that came by events or hooks alone has no transcript, and whole results are in transcripts.
                assert answer.status_code == 200 or "/transcript" in path or path.endswith("/result"), answer.text
                yield path, answer.content


def live(stack: Stack, redis: Redis) -> bytes:
    """All that the live feed still has."""
    told = sum(len(decode_items(fields[ITEMS_FIELD])) for _, fields in redis.xrange(FEED_KEY))
    with stack.http.stream("GET", "/api/live", headers={"Last-Event-ID": "0-1"}) as answer:
        return str([each.data for each in islice(items(answer), told)]).encode()


def test_a_scrub_leaves_no_planted_secret(old_stack: Stack, folder: Path, postgres_server: Server, redis_server: Server) -> None:
    # Given a secret in every text of every write, all of them stored
    plant = Secrets()
    session_ids = plant_everywhere(old_stack, plant)
    planted = set(plant.by_secret.values())
    redis = Redis.from_url(old_stack.environment["TRACKER_REDIS_URL"])
    found = set().union(*map(plant.found_in, contents(old_stack, folder, postgres_server, redis_server)))
    assert len(planted) > 70
    assert planted - found == set()
    assert plant.found_in(live(old_stack, redis))

    # When a scrub has ended
    location = old_stack.http.post("/api/scrubs", json={}).headers["location"]
    assert wait_until(lambda: old_stack.http.get(location).json()["status"] not in ("queued", "running"), 3 * SECONDS)
    scrub = old_stack.http.get(location).json()
    assert scrub["status"] == "succeeded"

    # Then it is in no file, in no answer and not in the live feed
    left = set().union(*map(plant.found_in, contents(old_stack, folder, postgres_server, redis_server)))
    assert left == set()
    assert plant.found_in(live(old_stack, redis)) == set()
    given = {path: fields for path, answer in answers(old_stack, session_ids, scrub["scrub_id"]) if (fields := plant.found_in(answer))}
    assert given == {}
    # And what the scrub could not reach is named: nothing else was left out here
    assert {"backups", "logs", "replicas", "copies", "identifiers"} == scrub["remains"].keys()
    redis.close()
