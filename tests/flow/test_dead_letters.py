"""Poison in the journal, through every process as an operator handles it: found, cause fixed, replayed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from shared.events.messages import Conversation, Envelope, SessionStart, encode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.flow.conftest import Run, Stack
from tests.flow.forbidden_word import forbidden_word, mend

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
WAIT = {"Prefer": "wait=20"}
SECONDS = 60


@pytest.fixture
def journal(redis_server_url: str) -> Iterator[Redis]:
    """The stack's own: database 1."""
    url = redis_server_url.replace("db=0", "db=1") if "db=0" in redis_server_url else redis_server_url.removesuffix("/0") + "/1"
    with Redis.from_url(url) as redis:
        yield redis


@pytest.fixture
def forbidden(stack: Stack) -> Iterator[str]:
    with forbidden_word(stack) as word:
        yield word


def inject(journal: Redis, *contents: str, session: str | None = None) -> list[UUID]:
    """One entry of a session's messages, past ingest."""
    session = session or f"injected-{uuid4()}"
    messages = [Conversation(session_id=session, content=content, role="user", timestamp=NOW, id=uuid4()) for content in contents]
    start = SessionStart(project_path="/home/ann/letters", start_time=NOW, session_id=session, id=uuid4())
    envelope = Envelope(version=1, request_id="injected", received_at=NOW, events=[start, *messages])
    journal.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
    return [message.id for message in messages if message.id]


def dead_letter_of(stack: Stack, event_id: UUID | None = None, payload: bytes | None = None) -> dict[str, Any]:
    """The dead letter of an event or of a whole entry, as the API shows it."""

    def find() -> list[tuple[object, ...]]:
        with psycopg.connect(stack.database_url) as connection:
            return connection.execute("SELECT id FROM dead_letters WHERE event_id = %s OR payload = %s", [event_id, payload]).fetchall()

    assert wait_until(lambda: bool(find()), SECONDS)
    [(dead_letter_id,)] = find()
    dead_letter: dict[str, Any] = stack.http.get(f"/api/dead-letters/{dead_letter_id}").json()
    return dead_letter


def count(stack: Stack, event_id: UUID) -> int:
    with psycopg.connect(stack.database_url) as connection:
        return connection.execute("SELECT FROM messages WHERE id = %s", [event_id]).rowcount


def test_neighbours_of_poison_are_stored_and_it_is_replayed_after_the_fix(stack: Stack, journal: Redis, forbidden: str) -> None:
    # Given nine messages in one entry, two of which cannot be stored
    contents = [f"message {number} {forbidden if number in (3, 7) else ''}" for number in range(9)]
    event_ids = inject(journal, *contents)
    poison = [event_ids[3], event_ids[7]]
    dead_letters = [dead_letter_of(stack, event_id) for event_id in poison]
    assert [count(stack, event_id) for event_id in event_ids] == [0 if event_id in poison else 1 for event_id in event_ids]

    # Then they are listed by what they died of, and shown
    reason = dead_letters[0]["reason"]
    assert dead_letters[0] | {"kind": "conversation", "status": "waiting", "attempts": 1, "sqlstate": "23514"} == dead_letters[0]
    [group] = stack.http.get("/api/dead-letters", params={"reason": reason}).json()["groups"]
    assert (group["count"], set(group["newest"])) == (2, {dead_letter["id"] for dead_letter in dead_letters})
    assert json.loads(dead_letters[0]["payload"])["content"] == contents[3]
    assert any(line.startswith('tracker_dead_letters{kind="conversation"}') for line in stack.http.get("/metrics").text.splitlines())

    # When one is replayed too early, it dies again and is the same dead letter
    path = f"/api/dead-letters/{dead_letters[0]['id']}"
    assert stack.http.post(f"{path}/replay", headers=WAIT).json()["status"] == "dead_letter"
    assert stack.http.get(path).json() | {"attempts": 2, "replays": 1, "status": "waiting"} == stack.http.get(path).json()

    # When the cause is mended, then a replay stores it, and another changes nothing
    mend(stack, forbidden)
    for _ in range(2):
        answer = stack.http.post(f"{path}/replay", headers=WAIT)
        assert (answer.status_code, answer.json()["status"]) == (202, "persisted")
    assert count(stack, poison[0]) == 1
    stored = stack.http.get(path).json()
    assert (stored["status"], stored["payload"], stored["replays"]) == ("stored", "", 2)

    # And the rest of its kind go together
    assert stack.http.post("/api/dead-letter-groups/replay", json={"reason": reason}).json()["done"] == 1
    assert wait_until(lambda: count(stack, poison[1]) == 1, SECONDS)
    assert stack.http.get("/api/dead-letters", params={"reason": reason}).json()["groups"] == []


def test_an_entry_of_an_unknown_version_is_a_dead_letter_until_deleted(stack: Stack, journal: Redis) -> None:
    """Given an entry of a newer version than the worker's, as after a downgrade."""
    payload = encode_envelope(Envelope(version=99, request_id=str(uuid4()), received_at=NOW, events=[]))
    journal.xadd(stream_key(0), {PAYLOAD_FIELD: payload})
    dead_letter = dead_letter_of(stack, payload=payload)
    assert (dead_letter["kind"], dead_letter["event_id"], dead_letter["payload"]) == ("journal_entry", None, payload.decode())
    path = f"/api/dead-letters/{dead_letter['id']}"
    assert stack.http.post(f"{path}/replay", headers=WAIT).json()["status"] == "dead_letter"
    assert dead_letter_of(stack, payload=payload)["attempts"] == 2
    assert stack.http.delete(path).status_code == 200
    for answer in (stack.http.get(path), stack.http.delete(path), stack.http.post(f"{path}/replay")):
        assert (answer.status_code, answer.json()["code"]) == (404, "DEAD_LETTER_NOT_FOUND")


def test_the_command_lists_replays_and_deletes_dead_letters(stack: Stack, journal: Redis, forbidden: str, tracker: Run) -> None:
    first, second, third, _ = inject(journal, *[f"{number} {forbidden}" for number in range(4)])
    dead_letters = [dead_letter_of(stack, event_id) for event_id in (first, second, third)]
    reason = dead_letters[0]["reason"]
    assert reason.split(":")[0] in tracker("dead-letters", COLUMNS="400").stdout
    listed = json.loads(tracker("dead-letters", "--json", "--reason", reason).stdout)
    assert listed["total"] == 4
    assert forbidden in tracker("dead-letters", "show", dead_letters[0]["id"]).stdout
    assert tracker("dead-letters", "replay", dead_letters[0]["id"]).returncode == 1

    mend(stack, forbidden)
    done = tracker("dead-letters", "replay", dead_letters[0]["id"])
    assert (done.returncode, count(stack, first)) == (0, 1), done.stderr
    assert tracker("dead-letters", "delete", dead_letters[1]["id"]).returncode == 0
    assert (
        "2 dead letters will be stored again"
        in tracker("dead-letters", "replay", "--all", "--kind", "conversation", "--reason", reason).stdout
    )
    assert wait_until(lambda: count(stack, third) == 1, SECONDS)
    assert count(stack, second) == 0
    assert "There are no such dead letters." in tracker("dead-letters", "delete", "--all", "--reason", reason).stdout

    assert tracker("dead-letters", "show", dead_letters[1]["id"]).returncode == 1
    for wrong in (["replay"], ["replay", dead_letters[0]["id"], "--all"], ["delete", "--all"], ["delete"]):
        assert tracker("dead-letters", *wrong).returncode == 2
