"""`Prefer: wait=N`: the test plays the worker and takes the entry from the journal while the request waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from shared.events.messages import Conversation, decode_envelope
from shared.journal.dead_letter_envelope import ID_TAKEN
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.integration.ingest.conftest import Service, is_error

MESSAGE = {"session_id": "s-1", "content": "How?", "role": "user"}
TAKEN = "018f3b1e-0000-7000-8000-000000000001"
DealWith = Callable[[Service, Conversation, str], None]


def store(service: Service, event: Conversation, _: str) -> None:
    service.execute(
        """INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at)
           VALUES (%s, %s, 1, 0, %s, %s, %s, now())""",
        event.id, event.session_id, event.role, event.content, event.timestamp,
    )  # fmt: skip


def add_dead_letter(service: Service, event: Conversation, entry_id: str, reason: str = "x") -> None:
    service.execute(
        "INSERT INTO dead_letters (event_id, kind, reason, payload, journal_entry_id) VALUES (%s, 'x', %s, '', %s)",
        event.id,
        reason,
        entry_id,
    )


def add_dead_entry(service: Service, _: Conversation, entry_id: str) -> None:
    """As a worker does with an entry that has killed its workers."""
    service.execute("INSERT INTO dead_letters (kind, reason, payload, journal_entry_id) VALUES ('journal_entry', 'x', '', %s)", entry_id)


def find_taken(service: Service, event: Conversation, entry_id: str) -> None:
    """As a worker does when the id has a row of another event."""
    store(service, event, entry_id)
    add_dead_letter(service, event, entry_id, ID_TAKEN)


def leave_out(service: Service, event: Conversation, entry_id: str) -> None:
    """As a worker does with what a transcript of the session has brought already."""


@pytest.mark.parametrize(
    ("deal_with", "status"),
    [(store, "persisted"), (add_dead_letter, "dead_letter"), (add_dead_entry, "dead_letter"), (leave_out, "duplicate")],
)
def test_a_waiting_request_gets_the_outcome_of_its_event(service: Service, deal_with: DealWith, status: str) -> None:
    with working(service, deal_with):
        answer = service.post("/api/conversations", MESSAGE, Prefer="wait=20")
    assert (answer.status_code, answer.json()["status"]) == (201, status)
    assert answer.headers["preference-applied"] == "wait=20"


def test_an_id_of_another_event_is_a_conflict(service: Service) -> None:
    with working(service, find_taken):
        answer = service.post("/api/conversations", MESSAGE | {"id": TAKEN}, Prefer="wait=20")
    assert list(is_error(answer, 409, "CONFLICT")) == ["id"]


def test_a_conflicting_item_of_a_batch_is_rejected(service: Service) -> None:
    with working(service, find_taken):
        items = [{"type": "tool_call", "tool_name": "Bash"}, {"type": "conversation", "id": TAKEN} | MESSAGE]
        answer = service.post("/api/events", items, Prefer="wait=20")
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 0
    assert [(item["index"], item["code"]) for item in answer.json()["rejected"]] == [(0, "VALIDATION_ERROR"), (1, "CONFLICT")]


def test_a_dead_letter_of_another_entry_is_ignored(service: Service) -> None:
    """Given that somebody has sent another event under this id before."""
    service.execute(
        "INSERT INTO dead_letters (event_id, kind, reason, payload, journal_entry_id) VALUES (%s, 'x', %s, '', '1-1')", TAKEN, ID_TAKEN
    )
    with working(service, store):
        answer = service.post("/api/conversations", MESSAGE | {"id": TAKEN}, Prefer="wait=20")
    assert (answer.status_code, answer.json()["status"]) == (201, "persisted")


@contextmanager
def working(service: Service, deal_with: DealWith) -> Iterator[None]:
    """A worker that deals with the next entry so."""
    service.start("s-1")
    [(last_id, _)] = service.redis.xrange(stream_key(0))

    def work() -> None:
        [(_, [(entry_id, fields)])] = service.redis.xread({stream_key(0): last_id}, block=10_000)
        [event] = decode_envelope(fields[PAYLOAD_FIELD.encode()]).events
        assert isinstance(event, Conversation)
        deal_with(service, event, entry_id.decode())
        service.redis.xdel(stream_key(0), entry_id)

    worker = Thread(target=work)
    worker.start()
    yield
    worker.join()
