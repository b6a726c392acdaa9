"""`Prefer: wait=N`, with the test in the worker's place: it takes the entry out of the journal while the request waits."""

from collections.abc import Callable
from threading import Thread

import pytest

from shared.journal import PAYLOAD_FIELD, stream_key
from shared.messages import Conversation, decode_envelope
from tests.contract.ingest.conftest import Service

MESSAGE = {"session_id": "s-1", "content": "How?", "role": "user"}


def store(service: Service, event: Conversation) -> None:
    service.execute(
        """INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at, terms)
           VALUES (%s, %s, 1, 0, %s, %s, %s, now(), '')""",
        event.id, event.session_id, event.role, event.content, event.timestamp,
    )  # fmt: skip


def bury(service: Service, event: Conversation) -> None:
    service.execute("INSERT INTO dead_letters (event_id, kind, reason, payload, journal_entry_id) VALUES (%s, 'x', 'x', '', '1')", event.id)


def leave_out(service: Service, event: Conversation) -> None:
    """As a worker does with what a transcript of the session has brought already."""


@pytest.mark.parametrize(("deal_with", "status"), [(store, "persisted"), (bury, "dead_letter"), (leave_out, "duplicate")])
def test_the_answer_says_what_became_of_the_event(
    service: Service, deal_with: Callable[[Service, Conversation], None], status: str
) -> None:
    service.start("s-1")
    [(last_id, _)] = service.redis.xrange(stream_key(0))

    def work() -> None:
        [(_, [(entry_id, fields)])] = service.redis.xread({stream_key(0): last_id}, block=10_000)
        [event] = decode_envelope(fields[PAYLOAD_FIELD.encode()]).events
        assert isinstance(event, Conversation)
        deal_with(service, event)
        service.redis.xdel(stream_key(0), entry_id)

    worker = Thread(target=work)
    worker.start()
    answer = service.post("/api/conversations", MESSAGE, Prefer="wait=20")
    worker.join()
    assert (answer.status_code, answer.json()["status"]) == (201, status)
    assert answer.headers["preference-applied"] == "wait=20"
