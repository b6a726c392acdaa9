"""Secrets that came in by every field of every route, before there were rules: after a scrub they are in no answer, and in no file but those it names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import Stack, running_stack
from tests.flow.redaction.planted_secrets import SECONDS, Secrets, plant_everywhere
from tests.required_scopes import READING
from tests.searched_stores import Stores
from tests.servers import Server

# Pages without data; the feed is read by itself.
LEFT_OUT = {"/", "/docs", "/api/live"}
# {route: queries}, where one without says less.
QUERIES = {
    "/api/search": ["?q=words", "?q=github"],
    "/api/conversations/search": ["?q=github"],
    "/api/files/history": ["?path=/x/*"],
    "/api/compare": [f"?start_date=2024-01-01&end_date=2024-12-31&group_by={group}" for group in ("project", "branch", "tool")],
    "/api/sessions/{session_id}/export": ["?format=markdown", "?tools=full&include_thinking=true", "?format=digest"],
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


def answers(stack: Stack, session_ids: list[str], scrub_id: str) -> Iterator[tuple[str, bytes]]:
    """Path and answer of each route that reads, with every id that it can have."""
    ids = {
        "session_id": session_ids,
        "project_id": [str(row[0]) for row in stack.select("SELECT id FROM projects")],
        "job_id": [str(row[0]) for row in stack.select("SELECT id FROM import_jobs WHERE kind <> 'capture'")],
        "call_id": [str(row[0]) for row in stack.select("SELECT id FROM tool_calls")],
        "row_id": [
            str(row[0]) for row in stack.select("SELECT id FROM messages UNION SELECT id FROM tool_calls UNION SELECT id FROM api_calls")
        ],
        "letter_id": [str(row[0]) for row in stack.select("SELECT id FROM dead_letters")],
        "scrub_id": [scrub_id],
        "erasure_id": [str(row[0]) for row in stack.select("SELECT id FROM jobs WHERE kind = 'erasure'")],
        "reprice_id": [str(row[0]) for row in stack.select("SELECT id FROM jobs WHERE kind = 'reprice'")],
        "export_id": [str(row[0]) for row in stack.select("SELECT id FROM exports")],
        "run_id": [str(row[0]) for row in stack.select("SELECT id FROM jobs WHERE kind = 'retention'")],
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


def test_a_scrub_leaves_no_planted_secret(old_stack: Stack, postgres_server: Server, redis_server: Server) -> None:
    # Given a secret in every text of every write, all of them stored
    plant = Secrets()
    session_ids = plant_everywhere(old_stack, plant)
    planted = set(plant.by_secret.values())
    stores = Stores(old_stack, postgres_server, redis_server)
    found = stores.places_of(plant.by_secret)
    assert len(planted) > 70
    assert planted - {plant.by_secret[secret] for secret in found} == set()
    assert "live feed" in set().union(*found.values())

    # When a scrub has ended
    location = old_stack.http.post("/api/scrubs", json={}).headers["location"]
    assert wait_until(lambda: old_stack.http.get(location).json()["status"] not in ("queued", "running"), 3 * SECONDS)
    scrub = old_stack.http.get(location).json()
    assert scrub["status"] == "succeeded"

    # Then it is in no store, in no answer and not in the live feed
    assert stores.places_of(plant.by_secret) == {}
    given = {path: fields for path, answer in answers(old_stack, session_ids, scrub["scrub_id"]) if (fields := plant.found_in(answer))}
    assert given == {}
    # And what the scrub could not reach is named: nothing else was left out here
    assert {"backups", "logs", "replicas", "copies", "identifiers"} == scrub["remains"].keys()
