"""Keys bound to a user capture as that user, and cannot go on in another user's file. Keys bound to projects cannot capture."""

from typing import Any

import httpx2 as httpx
import psycopg
from redis import Redis

from shared.journal.streams import stream_key, transcript_key
from tests.integration.keys.conftest import Api, is_error
from tests.integration.keys.ownership.owners import journal
from tests.telemetry import event, logs

HOOK = {"session_id": "s", "hook_event_name": "Stop"}
TOLD = logs(event("compaction", 1, session="s"))
ONE, TWO = b'{"n":1}\n', b'{"n":22}\n'


def put(api: Api, key: str | None, body: bytes, offset: int, **query: Any) -> httpx.Response:
    headers = {"Content-Type": "application/x-ndjson", "X-Tracker-Machine": "m"}
    return api.ask(key, "PUT", "/api/transcripts/s", params={"file": "s.jsonl", "offset": offset} | query, content=body, headers=headers)


def test_a_bound_key_captures_as_its_user_whoever_the_query_names(api: Api, redis_url: str) -> None:
    ann = api.key("ingest", user="ann")

    assert api.post(ann, "/api/hooks?user=bob", HOOK).status_code == 204
    assert put(api, ann, ONE, 0, user="bob").status_code == 200
    assert api.post(ann, "/v1/logs?user=bob", TOLD).status_code == 200

    items = [item for envelope in journal(redis_url) for item in (*envelope.hooks, *envelope.ranges, *envelope.signals)]
    assert [(item.user, item.bound_user) for item in items] == [("ann", "ann")] * 3


def test_a_key_that_is_not_bound_captures_as_the_user_that_the_query_names(api: Api, redis_url: str) -> None:
    key = api.key("ingest")

    assert api.post(key, "/api/hooks?user=bob", HOOK).status_code == 204
    assert put(api, key, ONE, 0).status_code == 200

    items = [item for envelope in journal(redis_url) for item in (*envelope.hooks, *envelope.ranges)]
    assert [(item.user, item.bound_user) for item in items] == [("bob", None), (None, None)]


def test_a_bound_key_cannot_go_on_in_another_users_file(api: Api, redis_url: str) -> None:
    ann, bob, anyone = api.key("ingest", user="ann"), api.key("ingest", user="bob"), api.key("ingest")
    assert put(api, ann, ONE, 0).status_code == 200

    # Known from Redis
    is_error(put(api, bob, TWO, 8), 403, "FORBIDDEN")
    assert put(api, ann, TWO, 8).status_code == 200
    # Known from Postgres
    store(api, "ann")
    forget(redis_url)
    is_error(put(api, bob, TWO, 8), 403, "FORBIDDEN")
    is_error(put(api, bob, b"", 0), 403, "FORBIDDEN")
    assert put(api, anyone, TWO, 8, user="bob").status_code == 200


def test_a_renamed_users_key_goes_on_in_the_files_of_the_former_name(api: Api) -> None:
    ann = api.key("ingest", user="ann")
    assert put(api, ann, ONE, 0).status_code == 200
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute(
            "WITH u AS (INSERT INTO users (name) VALUES ('anna') RETURNING id) INSERT INTO users (name, alias_of) SELECT 'ann', id FROM u"
        )

    anna = api.key("ingest", user="anna")

    assert put(api, anna, TWO, 8).status_code == 200


def test_a_key_that_is_bound_to_projects_is_refused(api: Api) -> None:
    key = api.key("ingest", projects=[1])

    is_error(api.post(key, "/api/hooks", HOOK), 403, "FORBIDDEN")
    is_error(api.post(key, "/v1/logs", TOLD), 403, "FORBIDDEN")
    is_error(put(api, key, ONE, 0), 403, "FORBIDDEN")


def store(api: Api, user: str) -> None:
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO transcript_files (session_id, file_name, machine_id, stored_offset, user_name) VALUES ('s', 's.jsonl', 'm', 8, %s)",
            [user],
        )


def forget(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.delete(transcript_key(stream_key(0), "s", "m", "s.jsonl"))
