"""Replaying and deleting dead letters over HTTP: the journal, the rows, and what is refused."""

from typing import Any
from uuid import uuid4

import pytest

from services.ingest.postgres.admin.dead_letters import GROUP_LETTERS
from shared.journal.dead_letter_envelope import DeadLetter, decode_replay
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.integration.ingest.conftest import Service, is_error

NOBODY = "018f3b1e-0000-7000-8000-000000000009"


def add_dead_letter(
    service: Service, kind: str = "conversation", reason: str = "too long", payload: bytes = b'{"type":"conversation"}'
) -> str:
    [row] = service.select(
        "INSERT INTO dead_letters (event_id, kind, reason, payload, journal_entry_id, request_id, received_at)"
        " VALUES (%s, %s, %s, %s, '1-1', 'req-1', '2026-05-01T12:00:00Z') RETURNING id",
        uuid4(), kind, reason, payload,
    )  # fmt: skip
    return str(row["id"])


def add_dead_letters(service: Service, letters: int) -> None:
    service.execute(
        "INSERT INTO dead_letters (event_id, kind, reason, payload, journal_entry_id)"
        " SELECT gen_random_uuid(), 'activity', 'negative', '{}', '1-1' FROM generate_series(1, %s)",
        letters,
    )


def on_the_journal(service: Service) -> list[DeadLetter | None]:
    return [decode_replay(fields[PAYLOAD_FIELD.encode()]) for _, fields in service.redis.xrange(stream_key(0))]


def rows(service: Service) -> list[dict[str, Any]]:
    return service.select("SELECT * FROM dead_letters ORDER BY id")


def test_a_replay_appends_the_dead_letter_to_the_journal_and_keeps_its_row(service: Service) -> None:
    dead_letter_id = add_dead_letter(service, payload=b"\xff\0 as it was")
    answer = service.post(f"/api/dead-letters/{dead_letter_id}/replay", None)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["id"], answer.json()["status"]) == (dead_letter_id, "queued")
    [row] = rows(service)
    assert (row["replays"], row["stored_at"], row["attempts"]) == (1, None, 1)
    assert row["replayed_at"] > row["last_seen_at"]
    [dead_letter] = on_the_journal(service)
    assert dead_letter == DeadLetter(
        journal_entry_id="1-1", event_id=row["event_id"], kind="conversation", request_id="req-1", received_at=row["received_at"],
        payload=b"\xff\0 as it was",
    )  # fmt: skip


def test_a_dead_letter_already_stored_is_not_appended_again(service: Service) -> None:
    dead_letter_id = add_dead_letter(service)
    service.execute("UPDATE dead_letters SET stored_at = now(), payload = ''")
    answer = service.post(f"/api/dead-letters/{dead_letter_id}/replay", None, Prefer="wait=5")
    assert (answer.status_code, answer.json()["status"]) == (202, "persisted")
    assert on_the_journal(service) == []


def test_an_entry_with_a_dead_letter_of_one_of_its_events_is_not_reported_persisted(service: Service) -> None:
    # Given a whole entry that could be opened when it was replayed, and an event of it that could not be stored
    [whole] = service.select(
        "INSERT INTO dead_letters (kind, reason, payload, journal_entry_id, stored_at) VALUES ('journal_entry', 'x', '', '1-1', now()) RETURNING id"
    )
    child = add_dead_letter(service)
    answer = service.post(f"/api/dead-letters/{whole['id']}/replay", None).json()
    assert (answer["status"], answer["letters"]) == ("dead_letter", [child])

    # When that is stored, then all of it is
    service.execute("UPDATE dead_letters SET stored_at = now(), payload = ''")
    answer = service.post(f"/api/dead-letters/{whole['id']}/replay", None).json()
    assert (answer["status"], answer["letters"]) == ("persisted", [])


def test_a_replay_without_redis_is_503_and_marks_nothing(service: Service) -> None:
    dead_letter_id = add_dead_letter(service)
    service.redis.client_pause(60_000, all=False)
    try:
        answer = service.post(f"/api/dead-letters/{dead_letter_id}/replay", None)
    finally:
        service.redis.client_unpause()
    is_error(answer, 503, "QUEUE_UNAVAILABLE")
    assert answer.headers["retry-after"]
    assert [row["replays"] for row in rows(service)] == [0]


@pytest.mark.parametrize("wanted", [{"kind": "activity"}, {"reason": "negative"}, {"kind": "activity", "reason": "negative"}])
def test_a_group_is_replayed_by_kind_and_reason(service: Service, wanted: dict[str, str]) -> None:
    add_dead_letter(service), add_dead_letter(service)
    of_group = {add_dead_letter(service, "activity", "negative"), add_dead_letter(service, "activity", "negative")}
    answer = service.post("/api/dead-letter-groups/replay", wanted)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["done"], answer.json()["left"]) == (2, 0)
    assert {str(row["id"]) for row in rows(service) if row["replays"]} == of_group
    assert len(on_the_journal(service)) == 2


def test_a_large_group_is_replayed_in_several_requests_each_dead_letter_once(service: Service) -> None:
    add_dead_letters(service, GROUP_LETTERS + 3)
    first = service.post("/api/dead-letter-groups/replay", {}).json()
    assert (first["done"], first["left"]) == (GROUP_LETTERS, 3)
    # They die again at once, as before
    service.execute("UPDATE dead_letters SET last_seen_at = clock_timestamp(), attempts = attempts + 1 WHERE replays > 0")
    second = service.post("/api/dead-letter-groups/replay", {"seen_before": first["seen_before"]}).json()
    assert (second["done"], second["left"]) == (3, 0)
    assert {row["replays"] for row in rows(service)} == {1}


def test_a_group_replay_is_bounded_in_bytes(service: Service) -> None:
    for _ in range(3):
        add_dead_letter(service, payload=b"x" * 1_500_000)
    answer = service.post("/api/dead-letter-groups/replay", {}).json()
    assert (answer["done"], answer["left"]) == (2, 1)


def test_a_dead_letter_is_deleted_once(service: Service) -> None:
    dead_letter_id, other = add_dead_letter(service), add_dead_letter(service)
    answer = service.http.delete(f"/api/dead-letters/{dead_letter_id}")
    assert (answer.status_code, answer.json()["id"]) == (200, dead_letter_id)
    is_error(service.http.delete(f"/api/dead-letters/{dead_letter_id}"), 404, "DEAD_LETTER_NOT_FOUND")
    assert [str(row["id"]) for row in rows(service)] == [other]


def test_a_group_deletion_needs_a_filter(service: Service) -> None:
    kept = add_dead_letter(service)
    add_dead_letters(service, GROUP_LETTERS + 1)
    assert "kind" in is_error(service.post("/api/dead-letter-groups/delete", {}), 400, "VALIDATION_ERROR")
    answer = service.post("/api/dead-letter-groups/delete", {"kind": "activity"}).json()
    assert (answer["done"], answer["left"]) == (GROUP_LETTERS, 1)
    assert service.post("/api/dead-letter-groups/delete", {"kind": "activity", "reason": "negative"}).json()["left"] == 0
    assert [str(row["id"]) for row in rows(service)] == [kept]


def test_stored_dead_letters_belong_to_no_group(service: Service) -> None:
    add_dead_letter(service)
    service.execute("UPDATE dead_letters SET stored_at = now(), payload = ''")
    assert service.post("/api/dead-letter-groups/replay", {}).json()["done"] == 0
    assert service.post("/api/dead-letter-groups/delete", {"kind": "conversation"}).json()["done"] == 0


def test_invalid_dead_letter_requests_are_refused(service: Service) -> None:
    is_error(service.post(f"/api/dead-letters/{NOBODY}/replay", None), 404, "DEAD_LETTER_NOT_FOUND")
    is_error(service.post("/api/dead-letters/x/replay", None), 400, "VALIDATION_ERROR")
    is_error(service.http.delete("/api/dead-letters/x"), 400, "VALIDATION_ERROR")
    is_error(service.http.post(f"/api/dead-letters/{NOBODY}/replay?force=1"), 400, "VALIDATION_ERROR")
    is_error(service.post("/api/dead-letter-groups/replay", {"kind": 1}), 400, "VALIDATION_ERROR")
    is_error(service.http.post("/api/dead-letter-groups/replay", content="{"), 415, "UNSUPPORTED_MEDIA_TYPE")
    json_type = {"Content-Type": "application/json"}
    is_error(service.http.post("/api/dead-letter-groups/replay", content="{", headers=json_type), 400, "INVALID_JSON")
    is_error(service.http.post("/api/dead-letter-groups/replay", content="[" * 100_000, headers=json_type), 413, "PAYLOAD_TOO_LARGE")
    is_error(service.http.post("/api/dead-letter-groups/replay", content="[" * 60_000, headers=json_type), 400, "INVALID_JSON")


def test_a_reason_with_a_nul_matches_nothing(service: Service) -> None:
    add_dead_letter(service)
    assert service.post("/api/dead-letter-groups/delete", {"reason": "a\0b"}).json()["done"] == 0
