"""An event under the id of another: 409 for waiting clients, a dead letter otherwise, and nothing is changed."""

from typing import Any
from uuid import uuid4

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import Stack

WAIT = {"Prefer": "wait=20"}


def started(stack: Stack, **fields: Any) -> str:
    session_id = f"ids-{uuid4()}"
    body = {"session_id": session_id, "project_path": "/home/ann/ids", "start_time": "2026-05-01T12:00:00Z"} | fields
    assert stack.http.post("/api/sessions/start", json=body, headers=WAIT).status_code == 201
    return session_id


def test_an_event_under_the_id_of_another_is_a_conflict(stack: Stack) -> None:
    mine, other = started(stack), started(stack)
    event_id = str(uuid4())
    body = {"session_id": mine, "role": "user", "content": "How?", "id": event_id}
    for _ in range(2):
        assert stack.http.post("/api/conversations", json=body, headers=WAIT).json()["status"] == "persisted"
    for wrong in ({"session_id": other}, {"content": "What?"}):
        answer = stack.http.post("/api/conversations", json=body | wrong, headers=WAIT)
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT"), answer.text
    # In a batch it is the item; without waiting it is a dead letter
    item = {"type": "conversation"} | body
    answer = stack.http.post("/api/events", json=[item, item | {"id": str(uuid4())}, item | {"session_id": other}], headers=WAIT).json()
    assert (answer["accepted"], answer["status"], answer["rejected"][0]["code"]) == (2, "persisted", "CONFLICT")
    assert stack.http.post("/api/conversations", json=body | {"content": "Why?"}).status_code == 201
    assert wait_until(lambda: len(stack.select(f"SELECT FROM dead_letters WHERE event_id = '{event_id}'")) == 4, 60)
    assert stack.select(f"SELECT content FROM messages WHERE id = '{event_id}'") == [("How?",)]


def test_an_end_under_the_id_of_its_start_is_a_conflict(stack: Stack) -> None:
    event_id = str(uuid4())
    session_id = started(stack, id=event_id)
    answer = stack.http.post("/api/sessions/end", json={"session_id": session_id, "id": event_id}, headers=WAIT)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT"), answer.text
    assert stack.http.get(f"/api/sessions/{session_id}").json()["status"] == "open"


def test_a_reused_idempotency_key_forgotten_by_redis_is_detected_by_the_worker(stack: Stack) -> None:
    session_id, key = started(stack), {"Idempotency-Key": uuid4().hex}
    body = {"session_id": session_id, "role": "user", "content": "How?"}
    assert stack.http.post("/api/conversations", json=body, headers=WAIT | key).json()["status"] == "persisted"
    event_id = stack.http.post("/api/conversations", json=body, headers=WAIT | key).json()["id"]
    # As when the ring has gone round
    answer = stack.http.post("/api/conversations", json=body | {"content": "What?", "id": event_id}, headers=WAIT)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT"), answer.text
