"""Keys bound to projects write only into sessions of these projects, on every route."""

from typing import Any

import pytest
from redis import Redis

from shared.events.messages import Event, decode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.integration.keys.conftest import Api, is_error
from tests.integration.keys.ownership.owners import forget

WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "session_end": ("/api/sessions/end", {}),
    "conversation": ("/api/conversations", {"role": "user", "content": "How?"}),
    "activity": ("/api/activities", {"file_path": "a.py", "action": "created"}),
    "tool_call": ("/api/tool-calls", {"tool_name": "Bash", "result_status": "success"}),
}


def journal(redis_url: str) -> list[Event]:
    with Redis.from_url(redis_url) as redis:
        entries = redis.xrange(stream_key(0))
    return [event for _, fields in entries for event in decode_envelope(fields[PAYLOAD_FIELD.encode()]).events]


def start(api: Api, key: str, session_id: str, path: str) -> int:
    answer = api.post(key, "/api/sessions/start", {"session_id": session_id, "project_path": path})
    assert answer.status_code == 201, answer.text
    project_id: int = answer.json()["project_id"]
    return project_id


@pytest.fixture
def bound(api: Api, admin: str) -> str:
    """A key of project /b, which has the session `of-b`; there is `of-a` in project /a."""
    start(api, admin, "of-a", "/a")
    return api.key("ingest", projects=[start(api, admin, "of-b", "/b")])


@pytest.mark.parametrize("is_forgotten", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_a_session_of_another_project_is_404(api: Api, admin: str, bound: str, redis_url: str, write: str, is_forgotten: bool) -> None:
    if is_forgotten:
        forget(redis_url)
    path, body = WRITES[write]
    before = len(journal(redis_url))
    for session_id in ("of-a", "unknown"):
        is_error(api.post(bound, path, body | {"session_id": session_id}), 404, "SESSION_NOT_FOUND")
    items = [body | {"type": write, "session_id": session_id} for session_id in ("of-a", "of-b")]
    answer = api.post(bound, "/api/events", items).json()
    assert (answer["accepted"], [(item["index"], item["code"]) for item in answer["rejected"]]) == (1, [(0, "SESSION_NOT_FOUND")])
    assert api.post(bound, path, body | {"session_id": "of-b"}).status_code in (200, 201)
    assert [event.session_id for event in journal(redis_url)[before:]] == ["of-b", "of-b"]
    assert api.post(admin, path, body | {"session_id": "of-a"}).status_code in (200, 201)


@pytest.mark.parametrize("is_batched", [False, True])
def test_a_bound_key_starts_sessions_in_its_projects_and_creates_no_project(api: Api, bound: str, is_batched: bool) -> None:
    def begin(session_id: str, path: str) -> str:
        body = {"session_id": session_id, "project_path": path}
        if not is_batched:
            answer = api.post(bound, "/api/sessions/start", body)
            return "" if answer.status_code == 201 else str(answer.json()["code"])
        found = api.post(bound, "/api/events", [body | {"type": "session_start"}]).json()
        return "" if found["accepted"] else str(found["rejected"][0]["code"])

    assert begin("new", "/b") == ""
    assert begin("of-b", "/b") == ""
    for session_id, path in (("newer", "/a"), ("newest", "/c"), ("of-a", "/a"), ("of-a", "/b")):
        assert begin(session_id, path) == "FORBIDDEN"
    assert [row["path"] for row in api.select("SELECT path FROM projects WHERE id > 0 ORDER BY path")] == ["/a", "/b"]
    assert api.select("SELECT FROM sessions WHERE session_id IN ('newer', 'newest')") == []


def test_a_batch_may_write_to_the_session_it_starts(api: Api, bound: str) -> None:
    items = [
        {"type": "session_start", "session_id": "new", "project_path": "/b"},
        {"type": "conversation", "session_id": "new", "role": "user", "content": "How?"},
        {"type": "session_start", "session_id": "newer", "project_path": "/a"},
        {"type": "conversation", "session_id": "newer", "role": "user", "content": "How?"},
    ]
    answer = api.post(bound, "/api/events", items).json()
    assert (answer["accepted"], [(item["index"], item["code"]) for item in answer["rejected"]]) == (
        2,
        [(2, "FORBIDDEN"), (3, "SESSION_NOT_FOUND")],
    )


def test_a_tool_call_without_session_gets_one_of_the_bound_projects(api: Api, bound: str, redis_url: str) -> None:
    call = {"tool_name": "Bash", "result_status": "success"}
    # Two are open, and one of them is the key's
    assert api.post(bound, "/api/tool-calls", call).json()["session_id"] == "of-b"
    assert api.post(bound, "/api/events", [call | {"type": "tool_call"}]).json()["accepted"] == 1
    assert [event.session_id for event in journal(redis_url)[-2:]] == ["of-b", "of-b"]
