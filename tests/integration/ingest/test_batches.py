"""Batches: each item is judged alone, the accepted ones are journalled together."""

import json
from typing import Any

import pytest

from services.ingest.events.decode import MAX_BATCH_ITEMS
from shared.events.messages import Conversation, SessionStart, ToolCall
from tests.integration.ingest.conftest import Service, is_error

START = {"type": "session_start", "session_id": "s-1", "project_path": "/p/", "start_time": "2024-01-15T10:00:00"}
MESSAGE = {"type": "conversation", "session_id": "s-1", "content": "How?", "role": "user"}
CALL = {"type": "tool_call", "tool_name": "Bash", "result_status": "success"}
END = {"type": "session_end", "session_id": "s-1", "end_time": "2024-01-15T11:00:00"}


def lines(*items: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(item).encode() for item in items)


def test_a_batch_may_start_the_session_of_its_events(service: Service) -> None:
    answer = service.post("/api/events", [MESSAGE, START, END, CALL | {"session_id": "s-1"}])
    assert (answer.status_code, answer.json()) == (200, {"accepted": 4, "rejected": []})
    assert [type(event).__name__ for event in service.journal()] == ["Conversation", "SessionStart", "SessionEnd", "ToolCall"]
    assert len(service.envelopes()) == 1
    assert service.select("SELECT FROM sessions") == []  # the worker makes it
    assert service.post("/api/conversations", MESSAGE).status_code == 201  # and it is known from now on


def test_ndjson_is_accepted_with_either_media_type(service: Service) -> None:
    for media_type in ("application/x-ndjson", "application/json"):
        answer = service.http.post("/api/events", content=lines(START, MESSAGE), headers={"content-type": media_type})
        assert answer.json() == {"accepted": 2, "rejected": []}


def test_each_bad_item_is_reported_and_the_rest_is_accepted(service: Service) -> None:
    service.start("s-1", start_time="2024-01-15T10:00:00")

    items: list[Any] = [
        MESSAGE,
        {"type": "poem"},
        MESSAGE | {"session_id": "nobody"},
        {key: value for key, value in START.items() if key != "session_id"},
        END | {"end_time": "2024-01-15T09:00:00"},
        START | {"project_path": "relative"},
        MESSAGE | {"timestamp": "1066-10-14T09:00:00Z"},
        None,
        CALL | {"parameters": {"n": 2**64}},
        CALL,
    ]

    answer = service.post("/api/events", items).json()
    assert answer["accepted"] == 2
    assert [(item["index"], item["code"]) for item in answer["rejected"]] == [
        (1, "VALIDATION_ERROR"),
        (2, "SESSION_NOT_FOUND"),
        (3, "VALIDATION_ERROR"),
        (4, "VALIDATION_ERROR"),
        (5, "VALIDATION_ERROR"),
        (6, "VALIDATION_ERROR"),
        (7, "VALIDATION_ERROR"),
        (8, "VALIDATION_ERROR"),
    ]
    assert all(set(item) == {"index", "code", "message"} and item["message"] for item in answer["rejected"])

    _, message, call = service.journal()
    assert isinstance(message, Conversation)
    assert isinstance(call, ToolCall)
    assert call.session_id == "s-1"  # the only open one


def test_a_batch_with_an_idempotency_key_derives_stable_item_ids(service: Service) -> None:
    for _ in range(2):
        service.post("/api/events", [START, MESSAGE, MESSAGE], Idempotency_Key="b-1")
    first, second = service.envelopes()
    assert [event.id for event in first.events] == [event.id for event in second.events]
    assert len({event.id for event in first.events}) == 3
    is_error(service.post("/api/events", [START], Idempotency_Key="b-1"), 409, "CONFLICT")


def test_a_large_batch_becomes_several_entries_in_order(service: Service) -> None:
    answer = service.post("/api/events", [START] + [MESSAGE | {"content": str(number)} for number in range(1200)])
    assert answer.json()["accepted"] == 1201
    assert [len(envelope.events) for envelope in service.envelopes()] == [500, 500, 201]
    assert isinstance(service.journal()[0], SessionStart)
    assert [event.content for event in service.journal() if isinstance(event, Conversation)] == [str(number) for number in range(1200)]


def test_an_empty_batch_is_accepted_and_a_malformed_or_too_long_one_is_refused(service: Service) -> None:
    assert service.post("/api/events", []).json() == {"accepted": 0, "rejected": []}
    broken = service.http.post("/api/events", content=b'[{"type":', headers={"content-type": "application/json"})
    is_error(broken, 400, "INVALID_JSON")
    is_error(service.post("/api/events", [1] * (MAX_BATCH_ITEMS + 1)), 413, "PAYLOAD_TOO_LARGE")
    assert service.journal() == []


def test_a_waiting_client_gets_the_status(service: Service) -> None:
    assert service.post("/api/events", [START], Prefer="wait=1").json() == {"accepted": 1, "rejected": [], "status": "queued"}


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
def test_a_single_malformed_line_is_invalid_json(service: Service, media_type: str) -> None:
    answer = service.http.post("/api/events", content=b'{"type": "conv', headers={"Content-Type": media_type})

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_JSON")
