"""Conversations, activities and tool calls: each is on the journal's disk before it is answered."""

from itertools import product
from typing import Any
from uuid import UUID

import pytest

from shared.events.messages import Activity, Conversation, ToolCall
from tests.conftest import LOCAL
from tests.integration.ingest.conftest import Service, is_error

MESSAGE = {"session_id": "s-1", "content": "How?", "role": "user", "timestamp": "2024-01-15T10:31:00"}
CHANGE = {"session_id": "s-1", "file_path": "src/app.ts", "action": "modified", "lines_added": 3, "timestamp": "2024-01-15T10:32:00"}
CALL = {"tool_name": "Bash", "parameters": {"command": "ls"}, "result_status": "success", "execution_time_ms": 250}


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/api/conversations", MESSAGE, Conversation),
        ("/api/activities", CHANGE, Activity),
        ("/api/tool-calls", CALL | {"session_id": "s-1"}, ToolCall),
    ],
)
def test_an_event_is_accepted_and_journalled(service: Service, path: str, body: dict[str, Any], kind: type) -> None:
    service.start("s-1")
    answer = service.post(path, body, X_Request_ID="req-42")
    assert answer.status_code == 201
    assert answer.json() == {"id": answer.json()["id"], "session_id": "s-1", "status": "queued"}
    assert answer.headers["x-request-id"] == "req-42"
    envelope = service.envelopes()[-1]
    [event] = envelope.events
    assert isinstance(event, kind)
    assert envelope.request_id == "req-42"
    assert event.id == UUID(answer.json()["id"])


def test_the_answer_names_the_fields_that_were_ignored(service: Service) -> None:
    start = service.post("/api/sessions/start", {"session_id": "s-1", "project_path": "/p", "colour": "red"})
    assert start.json()["ignored_fields"] == ["colour"]
    answer = service.post("/api/conversations", MESSAGE | {"mood": "good", "usage": {"input_tokens": 1, "seconds": 2}})
    assert answer.status_code == 201
    assert answer.json()["ignored_fields"] == ["mood", "usage.seconds"]
    end = service.post("/api/sessions/end", {"session_id": "s-1", "why": "tired"})
    assert end.json()["ignored_fields"] == ["why"]
    batch = service.post("/api/events", [MESSAGE | {"type": "conversation", "mood": "bad"}, MESSAGE | {"type": "conversation"}])
    assert batch.json() == {"accepted": 2, "rejected": [], "ignored_fields": ["mood"]}


def test_a_blank_content_is_refused_alone_and_as_an_item_of_a_batch(service: Service) -> None:
    service.start("s-1")
    blank = MESSAGE | {"content": " \n"}
    assert list(is_error(service.post("/api/conversations", blank), 400, "VALIDATION_ERROR")) == ["content"]
    answer = service.post("/api/events", [blank | {"type": "conversation"}, MESSAGE | {"type": "conversation"}]).json()
    assert answer["accepted"] == 1
    assert [(item["index"], item["code"]) for item in answer["rejected"]] == [(0, "VALIDATION_ERROR")]


@pytest.mark.parametrize(
    ("path", "body"), [("/api/conversations", MESSAGE), ("/api/activities", CHANGE), ("/api/tool-calls", CALL | {"session_id": "s-1"})]
)
def test_an_event_of_an_unknown_session_is_refused(service: Service, path: str, body: dict[str, Any]) -> None:
    assert is_error(service.post(path, body), 404, "SESSION_NOT_FOUND") == {"session_id": "s-1"}
    assert service.journal() == []


def test_a_session_known_only_to_postgres_is_accepted(service: Service) -> None:
    service.execute("INSERT INTO sessions (session_id, counted) VALUES ('s-1', true)")
    assert service.post("/api/conversations", MESSAGE).status_code == 201


def test_a_session_started_by_another_process_is_accepted(service: Service, settings: Any) -> None:
    service.start("s-1")
    service.execute("DELETE FROM sessions")  # so that it can only be known from Redis
    from fastapi.testclient import TestClient

    from services.ingest.app import create_app

    with TestClient(create_app(settings), LOCAL) as other:
        assert other.post("/api/conversations", json=MESSAGE).status_code == 201


def test_a_client_chosen_id_is_kept_on_every_retry(service: Service) -> None:
    service.start("s-1")
    body = MESSAGE | {"id": "0192f0c1-2345-7abc-8def-0123456789ab"}
    answers = [service.post("/api/conversations", body).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["id"] == body["id"]


def test_an_idempotency_key_stands_for_one_id_per_route(service: Service) -> None:
    service.start("s-1")
    first = service.post("/api/conversations", MESSAGE, Idempotency_Key="k-1").json()
    again = service.post("/api/conversations", MESSAGE, Idempotency_Key="k-1").json()
    other = service.post("/api/activities", CHANGE, Idempotency_Key="k-1").json()
    assert first == again
    assert first["id"] != other["id"]


def test_an_idempotency_key_with_another_body_is_a_conflict(service: Service) -> None:
    service.start("s-1")
    service.post("/api/conversations", MESSAGE, Idempotency_Key="k-1")
    before = len(service.journal())
    answer = service.post("/api/conversations", MESSAGE | {"content": "What?"}, Idempotency_Key="k-1")
    assert list(is_error(answer, 409, "CONFLICT")) == ["Idempotency-Key"]
    assert len(service.journal()) == before


def test_nul_and_lone_surrogates_are_replaced(service: Service) -> None:
    service.start("s-1")
    raw = rb'{"session_id":"s-1","role":"user","content":"a\u0000b\ud800c\ud83d\ude00"}'
    assert service.http.post("/api/conversations", content=raw, headers={"content-type": "application/json"}).status_code == 201
    event = service.journal()[-1]
    assert isinstance(event, Conversation)
    assert event.content == "a\ufffdb\ufffdc\U0001f600"


def test_a_tool_call_without_a_session_belongs_to_the_only_open_one(service: Service) -> None:
    service.start("s-1")
    answer = service.post("/api/tool-calls", CALL)
    assert answer.json()["session_id"] == "s-1"
    assert service.journal()[-1].session_id == "s-1"


@pytest.mark.parametrize("sessions", [[], ["s-1", "s-2"]])
def test_a_tool_call_without_exactly_one_open_session_gets_none(service: Service, sessions: list[str]) -> None:
    for session_id in sessions:
        service.start(session_id)
    answer = service.post("/api/tool-calls", CALL)
    assert answer.status_code == 201
    assert answer.json()["session_id"] is None


def test_a_tool_call_of_a_user_belongs_to_the_users_only_open_session(service: Service) -> None:
    service.start("hers", user="ada")
    service.start("his", user="bob")
    assert service.post("/api/tool-calls", CALL | {"user": "ada"}).json()["session_id"] == "hers"
    assert service.post("/api/tool-calls", CALL | {"user": "eve"}).json()["session_id"] is None


def test_ended_and_idle_sessions_do_not_count_as_open(service: Service) -> None:
    service.execute("INSERT INTO users (id, name) VALUES (1, 'ada')")
    service.execute(
        """INSERT INTO sessions (session_id, user_id, counted, seen_live, last_event_at, ended_at, idle_closed_at) VALUES
           ('ended', 1, true, true, '2024-01-01', '2024-01-01', NULL), ('idle', 1, true, true, '2024-01-01', NULL, '2024-01-01'),
           ('open again', 1, true, true, '2024-01-02', '2024-01-01', NULL)"""
    )
    service.execute("INSERT INTO sessions (session_id, created_at) VALUES ('start was lost', now() - interval '1 hour')")
    assert service.post("/api/tool-calls", CALL).json()["session_id"] == "open again"
    assert service.post("/api/tool-calls", CALL | {"user": "ada"}).json()["session_id"] == "open again"


def test_a_session_known_only_from_files_gets_no_tool_calls(service: Service) -> None:
    """given a session from claude.json without an end, one from a recent transcript, and uncounted rows of an import."""
    service.execute(
        """INSERT INTO sessions (session_id, counted, last_event_at, project_id) VALUES
           ('of claude.json', true, NULL, 1), ('of a transcript', true, now(), 1), ('not counted', false, NULL, 0)"""
    )
    assert service.post("/api/tool-calls", CALL).json()["session_id"] is None

    service.start("live")
    assert service.post("/api/tool-calls", CALL).json()["session_id"] == "live"


def test_a_wait_without_a_worker_ends_as_queued(service: Service) -> None:
    service.start("s-1")
    answer = service.post("/api/conversations", MESSAGE, Prefer="wait=1")
    assert (answer.status_code, answer.json()["status"]) == (201, "queued")
    assert answer.headers["preference-applied"] == "wait=1"


def test_an_event_sends_a_wakeup_unless_one_is_pending(service: Service) -> None:
    service.start("s-1")
    assert service.redis.exists("wakeup:{0}")
    for _ in range(5):
        service.post("/api/conversations", MESSAGE)
    service.http.__exit__()  # lets the wake-up that is being sent go out
    assert service.redis.llen("celery:drain") == 1


def test_an_identifier_with_a_control_character_is_refused(service: Service, subtests: pytest.Subtests) -> None:
    call = {"tool_name": "Bash", "result_status": "success", "user": "ann"}
    item = call | {"type": "tool_call"}
    for field, text in product(["session_id", "user", "tool_name"], ["a\nb", "a\rb", "\x1b[31m", "a\x7f", "a\x85b", "\t"]):
        with subtests.test(field, text=text):
            before = len(service.journal())
            details = is_error(service.post("/api/tool-calls", call | {field: text}), 400, "VALIDATION_ERROR")
            assert list(details) == [field]
            answer = service.post("/api/events", [item | {field: text}, item])
            assert [(rejected["index"], rejected["code"]) for rejected in answer.json()["rejected"]] == [(0, "VALIDATION_ERROR")]
            assert len(service.journal()) == before + 1


@pytest.mark.parametrize("text", ["é", "名前", "a b", "a\u00a0b", "a\u200bb", "\U0001f600"])
def test_an_identifier_may_have_any_other_character(service: Service, text: str) -> None:
    assert service.start(text)["session_id"] == text


def test_texts_may_contain_line_feeds(service: Service) -> None:
    service.start("s-1")
    assert service.post("/api/conversations", {"session_id": "s-1", "content": "a\nb\t", "role": "user"}).status_code == 201
