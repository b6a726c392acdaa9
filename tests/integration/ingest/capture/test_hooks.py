"""`POST /api/hooks`: what Claude Code's hooks say goes onto the journal, and the answer is empty."""

import json
from typing import Any
from uuid import uuid4

import pytest

from services.ingest.capture.write_hooks import BODY, MAX_PAYLOAD_BYTES, MAX_UNKNOWN_KINDS, UNKNOWN_SECONDS, UnknownKinds
from shared.claude_formats.hook_kinds import DROPPED, KEPT
from shared.events.messages import HookPayload
from tests.integration.ingest.conftest import Service, is_error

NDJSON = {"content-type": "application/x-ndjson"}


def hook(kind: str = "UserPromptSubmit", **fields: Any) -> dict[str, Any]:
    return {"session_id": "s-1", "transcript_path": "/home/me/t.jsonl", "cwd": "/home/me/p", "hook_event_name": kind} | fields


def lines(*payloads: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(payload).encode() for payload in payloads) + b"\n"


def kept(service: Service) -> list[HookPayload]:
    return [item for envelope in service.envelopes() for item in envelope.hooks]


def test_every_kind_is_answered_204_without_a_body(service: Service, subtests: pytest.Subtests) -> None:
    for kind in sorted(KEPT | DROPPED):
        with subtests.test(kind):
            before = len(kept(service))

            answer = service.post("/api/hooks", hook(kind))

            assert (answer.status_code, answer.content) == (204, b"")
            assert len(kept(service)) == before + (kind in KEPT)


def test_of_a_kind_that_nothing_knows_the_names_are_kept_once_a_minute(service: Service) -> None:
    # Another test of this process may have sent another kind.
    kind = f"NotYetInvented{uuid4().hex}"

    for secret in ("one", "two"):
        assert service.post("/api/hooks", hook(kind, horoscope=secret)).status_code == 204

    [found] = kept(service)
    names = ("transcript_path", "cwd", "horoscope")
    assert json.loads(found.payload) == {"session_id": "s-1", "hook_event_name": kind} | dict.fromkeys(names)


def test_kinds_that_nothing_knows_pass_again_after_a_minute_and_are_bounded() -> None:
    kinds = UnknownKinds()
    assert [kinds.may_pass("New", at) for at in (0.0, 1.0, UNKNOWN_SECONDS)] == [True, False, True]

    assert all(kinds.may_pass(f"New{number}", UNKNOWN_SECONDS) for number in range(MAX_UNKNOWN_KINDS))
    # The oldest is no longer told apart.
    assert kinds.may_pass("New", UNKNOWN_SECONDS)
    assert not kinds.may_pass("Setup", UNKNOWN_SECONDS)


def test_a_payload_is_kept_as_it_came(service: Service) -> None:
    payload = hook("PostToolUse", tool_name="Bash", tool_input={"command": "ls"}, tool_use_id="toolu_1", duration_ms=49)
    body = json.dumps(payload, indent=2)

    answer = service.http.post(
        "/api/hooks?user=ann", content=body, headers={"content-type": "application/json", "x-tracker-machine": "m-1"}
    )

    assert answer.status_code == 204
    [found] = kept(service)
    assert (found.session_id, found.user, found.machine_id) == ("s-1", "ann", "m-1")
    assert json.loads(found.payload) == payload
    [envelope] = service.envelopes()
    assert found.occurred_at == envelope.received_at


def test_many_payloads_come_as_ndjson(service: Service) -> None:
    answer = service.http.post("/api/hooks", content=lines(hook(prompt="one"), hook("MessageDisplay"), hook(prompt="two")), headers=NDJSON)

    assert answer.status_code == 204
    assert [json.loads(found.payload)["prompt"] for found in kept(service)] == ["one", "two"]
    assert service.redis.hget("accounting:{0}", "accepted") == b"2"


def test_lines_are_told_from_one_object_whatever_the_media_type_says(service: Service) -> None:
    answer = service.http.post("/api/hooks", content=lines(hook(), hook()), headers={"content-type": "application/json"})

    assert answer.status_code == 204
    assert len(kept(service)) == 2


def test_the_time_that_the_sender_names_is_when_the_hook_ran(service: Service) -> None:
    service.post("/api/hooks", hook(tracker_at="2026-05-01T12:00:00.25+02:00"))

    [found] = kept(service)
    assert found.occurred_at.isoformat() == "2026-05-01T10:00:00.250000+00:00"


@pytest.mark.parametrize("time", ["yesterday", "", "1980-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_a_time_that_cannot_be_true_keeps_no_hook_out(service: Service, time: str) -> None:
    assert service.post("/api/hooks", hook(tracker_at=time)).status_code == 204

    [envelope] = service.envelopes()
    assert envelope.hooks[0].occurred_at == envelope.received_at


def test_a_payload_with_its_time_is_the_same_when_it_is_sent_again(service: Service) -> None:
    for _ in range(2):
        service.post("/api/hooks", hook(tracker_at="2026-05-01T12:00:00Z"))
        service.post("/api/hooks", hook())

    ids = [found.id for found in kept(service)]
    assert ids[0] == ids[2]
    assert ids[1] != ids[3]


def test_secrets_are_redacted_before_the_journal(service: Service) -> None:
    secret = "sk-ant-api03-" + "a1B2" * 24
    service.http.post("/api/hooks", content=lines(hook(prompt=f"use {secret}"), hook(prompt="plain")), headers=NDJSON)

    [first, second] = kept(service)
    assert secret not in first.payload
    assert json.loads(first.payload)["prompt"].startswith("use [redacted:")
    assert json.loads(second.payload) == hook(prompt="plain")


def test_characters_that_postgres_refuses_are_replaced(service: Service) -> None:
    body = lines(hook(prompt="x")).replace(b'"x"', rb'"a\u0000b\ud800c\ud83d\ude00"')
    service.http.post("/api/hooks", content=body, headers=NDJSON)

    [found] = kept(service)
    assert json.loads(found.payload)["prompt"] == "a�b�c😀"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_JSON"),
        (b"\n \n", "INVALID_JSON"),
        (b"{", "INVALID_JSON"),
        (b"hello", "INVALID_JSON"),
        (b'{"session_id":"s","hook_event_name":"Stop","x":"\xff"}', "INVALID_JSON"),
        (b'{"session_id":"s","hook_event_name":"Stop","x":' + b"[" * 70 + b"]" * 70 + b"}", "INVALID_JSON"),
        (b"[]", "VALIDATION_ERROR"),
        (b"{}", "VALIDATION_ERROR"),
        (b'{"session_id":"s"}', "VALIDATION_ERROR"),
        (b'{"hook_event_name":"Stop"}', "VALIDATION_ERROR"),
        (b'{"session_id":"","hook_event_name":"Stop"}', "VALIDATION_ERROR"),
        (b'{"session_id":"a\\nb","hook_event_name":"Stop"}', "VALIDATION_ERROR"),
    ],
)
def test_a_body_that_is_not_a_hook_is_400(service: Service, body: bytes, code: str) -> None:
    is_error(service.http.post("/api/hooks", content=body, headers={"content-type": "application/json"}), 400, code)
    assert kept(service) == []


def test_a_bad_line_does_not_keep_out_the_others(service: Service) -> None:
    body = lines(hook(prompt="one")) + b"{broken\n{}\n\xff\n" + lines(hook(prompt="x" * MAX_PAYLOAD_BYTES), hook(prompt="two"))

    assert service.http.post("/api/hooks", content=body, headers=NDJSON).status_code == 204
    assert [json.loads(found.payload)["prompt"] for found in kept(service)] == ["one", "two"]


def test_a_payload_over_the_limit_is_413(service: Service) -> None:
    is_error(service.post("/api/hooks", hook(prompt="x" * MAX_PAYLOAD_BYTES)), 413, "PAYLOAD_TOO_LARGE")


def test_a_body_over_the_limit_is_413(service: Service) -> None:
    answer = service.http.post("/api/hooks", content=b" " * (BODY.max_bytes + 1), headers=NDJSON)
    assert is_error(answer, 413, "PAYLOAD_TOO_LARGE") == {"max_bytes": BODY.max_bytes}


@pytest.mark.parametrize("machine", ["a" * 65, "a b", "é", "a/b"])
def test_a_machine_that_is_no_id_is_400(service: Service, machine: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-tracker-machine", machine.encode("latin-1"))]
    assert list(is_error(service.http.post("/api/hooks", content=lines(hook()), headers=headers), 400, "VALIDATION_ERROR")) == [
        "X-Tracker-Machine"
    ]


@pytest.mark.parametrize("query", ["usr=ann", "user=", "user=a%00b", "user=ann&user=ben", "user=%ff"])
def test_a_query_that_is_not_valid_is_400(service: Service, query: str) -> None:
    is_error(service.http.post(f"/api/hooks?{query}", content=lines(hook()), headers=NDJSON), 400, "VALIDATION_ERROR")
