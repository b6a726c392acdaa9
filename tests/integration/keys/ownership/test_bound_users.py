"""Keys bound to a user write as that user on every route, and cannot touch sessions of others."""

from typing import Any

import psycopg
import pytest
from redis import Redis

from shared.events.messages import SessionStart, ToolCall
from tests.integration.keys.conftest import Api, is_error
from tests.integration.keys.ownership.owners import forget, journaled_events

PROJECT = {"project_path": "/home/me/project"}


@pytest.fixture
def ann(api: Api) -> str:
    return api.key("ingest", user="ann")


def start(api: Api, key: str, session_id: str, **fields: Any) -> None:
    assert api.post(key, "/api/sessions/start", PROJECT | {"session_id": session_id} | fields).status_code == 201


def test_events_belong_to_the_bound_user_whatever_the_body_says(api: Api, ann: str, redis_url: str) -> None:
    start(api, ann, "s-1", user="bob")
    start(api, ann, "s-2")
    api.post(ann, "/api/tool-calls", {"session_id": "s-1", "tool_name": "Bash", "result_status": "success", "user": "bob"})
    items = [
        PROJECT | {"type": "session_start", "session_id": "s-3", "user": "bob"},
        {"type": "tool_call", "session_id": "s-3", "tool_name": "Bash", "result_status": "success", "user": "bob"},
        {"type": "tool_call", "tool_name": "Bash", "result_status": "success"},
        {"type": "conversation", "session_id": "s-3", "role": "user", "content": "How?"},
    ]
    assert api.post(ann, "/api/events", items).json()["rejected"] == []
    events = journaled_events(redis_url)
    assert len(events) == 7
    assert {event.user for event in events if isinstance(event, SessionStart | ToolCall)} == {"ann"}


def test_a_tool_call_without_session_gets_one_of_the_bound_user(api: Api, admin: str, ann: str) -> None:
    start(api, admin, "bobs", user="bob")
    call = {"tool_name": "Bash", "result_status": "success", "user": "bob"}
    assert api.post(ann, "/api/tool-calls", call).json()["session_id"] is None
    start(api, ann, "anns")
    assert api.post(ann, "/api/tool-calls", call).json()["session_id"] == "anns"


def test_the_owner_of_an_uncached_session_comes_from_postgres(api: Api, admin: str, ann: str, redis_url: str) -> None:
    """Sessions that this process has never seen, and Redis no longer knows."""
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO users (id, name) VALUES (7, 'bob')")
        connection.execute("INSERT INTO projects (id, path, name) VALUES (1, '/p', 'p')")
        for number in range(4):
            connection.execute(
                "INSERT INTO sessions (session_id, project_id, user_id, counted) VALUES (%s, 1, 7, true)", (f"old-{number}",)
            )
    forget(redis_url)
    is_error(api.post(ann, "/api/sessions/start", PROJECT | {"session_id": "old-0"}), 403, "FORBIDDEN")
    is_error(api.post(ann, "/api/conversations", {"session_id": "old-1", "role": "user", "content": "?"}), 403, "FORBIDDEN")
    restarted = api.post(ann, "/api/events", [PROJECT | {"type": "session_start", "session_id": "old-2"}])
    assert restarted.json()["rejected"][0]["code"] == "FORBIDDEN"
    is_error(api.post(ann, "/api/sessions/end", {"session_id": "old-3"}), 403, "FORBIDDEN")


def test_a_session_cached_without_owner_is_looked_up(api: Api, admin: str, ann: str, redis_url: str) -> None:
    message = {"session_id": "s", "role": "user", "content": "?"}
    start(api, admin, "s")
    assert api.post(ann, "/api/conversations", message).status_code == 201
    # Another process hears whose it is.
    with Redis.from_url(redis_url) as redis:
        redis.set("session:s", '{"user": "bob"}')
    is_error(api.post(ann, "/api/conversations", message), 403, "FORBIDDEN")


def test_an_import_belongs_to_the_bound_user(api: Api, admin: str, ann: str) -> None:
    for key, said in ((ann, {"user": "bob"}), (ann, {}), (admin, {"user": "bob"})):
        file = {"file": ("claude.json", b'{"projects": {}}')}
        sent = api.ask(key, "POST", "/api/import/claude-data", files=file, data=said, headers={"Prefer": "respond-async"})
        assert sent.status_code == 202
    jobs = api.select("SELECT user_name, key_id FROM import_jobs ORDER BY created_at")
    assert [(job["user_name"], job["key_id"]) for job in jobs] == [("ann", ann.split("_")[1])] * 2 + [("bob", admin.split("_")[1])]


def test_two_users_may_choose_the_same_idempotency_key(api: Api, ann: str) -> None:
    bob = api.key("ingest", user="bob")
    started = [
        api.ask(key, "POST", "/api/sessions/start", json=PROJECT, headers={"Idempotency-Key": "1"}).json()["session_id"]
        for key in (ann, bob, ann)
    ]
    assert started[0] == started[2] != started[1]


def test_a_cached_key_writes_to_known_sessions_while_postgres_is_down(api: Api, ann: str, postgres_url: str, database_url: str) -> None:
    batch = [
        PROJECT | {"type": "session_start", "session_id": "new"},
        {"type": "conversation", "session_id": "new", "role": "user", "content": "?"},
    ]
    start(api, ann, "known")
    with psycopg.connect(database_url) as own, psycopg.connect(postgres_url, autocommit=True) as connection:
        name = own.info.dbname
        connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false".encode())
        try:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            assert api.post(ann, "/api/events", batch).json() == {"accepted": 2, "rejected": []}
            assert api.post(ann, "/api/conversations", batch[1] | {"session_id": "known"}).status_code == 201
        finally:
            connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true".encode())
