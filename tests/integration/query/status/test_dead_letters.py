"""Dead dead letters as shown: grouped by reason, in pages, one by one with their payload, and without secrets."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from services.query.http.dead_letter_payload import MAX_SHOWN_CHARACTERS, shown
from tests.kept_connection import Connection

NOBODY = "018f3b1e-0000-7000-8000-000000000009"
SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"


def add_dead_letter(
    connection: Connection, kind: str = "conversation", reason: str = "too long", payload: bytes = b"{}", **columns: Any
) -> str:
    row = {
        "event_id": uuid4(),
        "kind": kind,
        "reason": reason,
        "sqlstate": "22001",
        "payload": payload,
        "journal_entry_id": "1-1",
    } | columns
    names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    found = connection.execute(f"INSERT INTO dead_letters ({names}) VALUES ({values}) RETURNING id".encode(), row).fetchone()
    assert found is not None
    return str(found[0])


def test_dead_letters_are_grouped_by_kind_and_reason(client: TestClient, connection: Connection) -> None:
    long = [add_dead_letter(connection) for _ in range(4)]
    negative = add_dead_letter(
        connection, "activity", "negative", first_seen_at="2026-01-01T00:00:00Z", last_seen_at="2026-01-02T00:00:00Z"
    )
    stored = add_dead_letter(connection, stored_at="2026-01-03T00:00:00Z", payload=b"")
    answer = client.get("/api/dead-letters").json()
    first, second = answer["groups"]

    assert (first["kind"], first["reason"], first["sqlstate"], first["count"], first["newest"]) == (
        "conversation", "too long", "22001", 4, long[:0:-1],
    )  # fmt: skip
    assert (second["count"], second["first_seen_at"], second["last_seen_at"]) == (1, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    assert answer["total"] == 5
    assert [item["id"] for item in answer["items"]] == [negative, *long[::-1]]
    assert [item["id"] for item in client.get("/api/dead-letters?kind=activity&reason=negative").json()["items"]] == [negative]

    kept = client.get("/api/dead-letters?status=stored").json()
    assert [(item["id"], item["status"]) for item in kept["items"]] == [(stored, "stored")]


def test_pages_show_each_dead_letter_once_while_others_change(client: TestClient, connection: Connection) -> None:
    dead_letters = [add_dead_letter(connection) for _ in range(7)]
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get("/api/dead-letters", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        add_dead_letter(connection)
        connection.execute("UPDATE dead_letters SET last_seen_at = clock_timestamp() WHERE id = %s", [dead_letters[0]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == dead_letters[::-1]


def test_a_cursor_is_bound_to_its_filters(client: TestClient, connection: Connection) -> None:
    add_dead_letter(connection), add_dead_letter(connection)
    cursor = client.get("/api/dead-letters?limit=1").json()["next_cursor"]
    assert client.get("/api/dead-letters", params={"limit": 1, "cursor": cursor, "kind": "activity"}).json()["code"] == "INVALID_CURSOR"


def test_an_empty_list_has_no_groups(client: TestClient) -> None:
    assert client.get("/api/dead-letters").json() == {"groups": [], "total": 0, "items": [], "next_cursor": None}


def test_a_dead_letter_is_shown_with_its_redacted_payload(client: TestClient, connection: Connection) -> None:
    payload = json.dumps({"type": "conversation", "content": f"my token is {SECRET}"}).encode()
    dead_letter_id = add_dead_letter(connection, payload=payload, replayed_at="2999-01-01T00:00:00Z", replays=1, request_id="req-1")
    dead_letter = client.get(f"/api/dead-letters/{dead_letter_id}").json()
    assert (dead_letter["status"], dead_letter["replays"], dead_letter["attempts"], dead_letter["request_id"]) == (
        "replaying",
        1,
        1,
        "req-1",
    )
    assert dead_letter["payload_bytes"] == len(payload)
    assert SECRET not in dead_letter["payload"]
    assert "my token is [redacted:" in json.loads(dead_letter["payload"])["content"]
    assert dead_letter["payload_is_cut"] is False


def test_an_unknown_dead_letter_is_404(client: TestClient) -> None:
    answer = client.get(f"/api/dead-letters/{NOBODY}")
    assert (answer.status_code, answer.json()["code"]) == (404, "DEAD_LETTER_NOT_FOUND")
    assert client.get("/api/dead-letters/x").status_code == 400
    assert client.get("/api/dead-letters?knd=x").status_code == 400


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"{not json \xff\xfe", "{not json \\xff\\xfe"),
        (b"a\0b\x1b[31m\tc", "a\\x00b\\x1b[31m\tc"),
        (b'{"a": "\\u0000 \\ud800"}', '{"a": "\\u0000 \\ud800"}'),
        ('{"a":"ünïcode"}'.encode(), '{"a":"ünïcode"}'),
        (b'{"a": 1' + b"0" * 5000 + b"}", '{"a": 1' + "0" * 5000 + "}"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        (b"", ""),
    ],
)
def test_a_binary_payload_is_shown_escaped(payload: bytes, text: str) -> None:
    assert shown(payload).payload == text


@pytest.mark.parametrize(
    "payload",
    [lambda: b"[" * 200_000, lambda: b"x" * 5 * 1024**2, lambda: json.dumps(["y" * 10**6]).encode()],
    ids=["nested", "plain", "JSON"],
)
def test_a_long_payload_is_cut(payload: Callable[[], bytes]) -> None:
    cut = shown(payload())
    assert (len(cut.payload), cut.payload_is_cut) == (MAX_SHOWN_CHARACTERS, True)


def test_escaped_secrets_and_secrets_at_the_cut_are_redacted() -> None:
    escaped = '{"a": "' + "".join(f"\\u{ord(character):04x}" for character in SECRET) + '"}'
    assert SECRET not in shown(escaped.encode()).payload
    at_the_cut = b"z" * (MAX_SHOWN_CHARACTERS - 10) + b" " + SECRET.encode()
    assert SECRET[:9] not in shown(at_the_cut).payload


def test_pending_dead_letters_are_counted_by_kind_in_metrics(client: TestClient, connection: Connection) -> None:
    add_dead_letter(connection), add_dead_letter(connection, "journal_entry"), add_dead_letter(connection, stored_at="2026-01-03T00:00:00Z")
    lines = client.get("/metrics").text.splitlines()
    assert 'tracker_dead_letters{kind="conversation"} 1.0' in lines
    assert 'tracker_dead_letters{kind="journal_entry"} 1.0' in lines
    connection.execute("DELETE FROM dead_letters")
    assert not any(line.startswith("tracker_dead_letters{") for line in client.get("/metrics").text.splitlines())
