"""`Prefer: wait=N` of hooks and transcripts: the test plays the worker, first the drain, then the reader."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2 as httpx
import pytest

from deploy.embedded.supervision.processes import wait_until
from shared.journal.streams import stream_key
from tests.integration.ingest.conftest import Service

HOOK = {"session_id": "s-1", "cwd": "/home/me/p", "hook_event_name": "UserPromptSubmit", "prompt": "Why?"}
LINES = b'{"n":1}\n'
SECONDS = 60


@pytest.fixture
def sender() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as sender:
        yield sender


def put_range(service: Service, **headers: str) -> httpx.Response:
    return service.http.put(
        "/api/transcripts/s-1?file=s-1.jsonl&offset=0",
        content=LINES,
        headers={"content-type": "application/x-ndjson", "x-tracker-machine": "m-1"} | headers,
    )


def test_hooks_are_answered_when_they_can_be_read(service: Service, sender: ThreadPoolExecutor) -> None:
    answer = sender.submit(service.post, "/api/hooks", HOOK, Prefer="wait=30")
    assert wait_until(lambda: service.redis.xlen(stream_key(0)) == 1, SECONDS)

    # When the hook is stored but not read, it does not come
    [hook] = service.envelopes()[0].hooks
    service.execute(
        "INSERT INTO hook_payloads (id, session_id, occurred_at, received_at, payload) VALUES (%s, 's-1', now(), now(), '{}')", hook.id
    )
    service.redis.xtrim(stream_key(0), maxlen=0)
    assert has_asked_postgres(service, "hook_payloads")
    assert not answer.done()

    # Then it comes with the reading
    service.execute("DELETE FROM hook_payloads")
    assert_waited(answer, 204, b"")


def test_a_range_is_answered_when_it_can_be_read(service: Service, sender: ThreadPoolExecutor) -> None:
    answer = sender.submit(put_range, service, Prefer="wait=30")
    assert wait_until(lambda: service.redis.xlen(stream_key(0)) == 1, SECONDS)

    service.execute(
        "INSERT INTO transcript_files (session_id, machine_id, file_name, stored_offset, parsed_offset)"
        " VALUES ('s-1', 'm-1', 's-1.jsonl', 8, 7), ('s-1', 'm-2', 's-1.jsonl', 8, 8), ('s-1', 'm-1', 'x.jsonl', 8, 8)"
    )
    assert has_asked_postgres(service, "transcript_files")
    assert not answer.done()

    service.execute("UPDATE transcript_files SET parsed_offset = 8")
    assert_waited(answer, 200, b'{"offset":8,"status":"accepted"}')

    # And again at once, with the same promise
    again = put_range(service, Prefer="wait=30")
    assert (again.json()["status"], again.headers["preference-applied"]) == ("duplicate", "wait=30")


@pytest.mark.parametrize("send", [put_range, lambda service, **headers: service.post("/api/hooks", HOOK, **headers)])
def test_a_wait_that_ends_before_does_not_claim_that_it_can_be_read(service: Service, send: Any) -> None:
    answer = send(service, Prefer="wait=1")

    assert answer.status_code in (200, 204)
    assert "preference-applied" not in answer.headers
    assert service.redis.xlen(stream_key(0)) == 1


@pytest.mark.parametrize("send", [put_range, lambda service, **headers: service.post("/api/hooks", HOOK, **headers)])
def test_without_the_preference_the_answer_does_not_wait(service: Service, send: Any) -> None:
    answer = send(service)

    assert answer.status_code in (200, 204)
    assert "preference-applied" not in answer.headers
    assert send(service, Prefer="respond-async").headers["preference-applied"] == "respond-async"


def assert_waited(answer: "Future[httpx.Response]", status: int, body: bytes) -> None:
    found = answer.result(SECONDS)
    assert (found.status_code, found.content, found.headers["preference-applied"]) == (status, body, "wait=30")


def has_asked_postgres(service: Service, table: str) -> bool:
    """Whether the service has looked since, at least twice: the second look began behind the first."""
    sql = "SELECT query_start FROM pg_stat_activity WHERE query LIKE %s AND query NOT LIKE '%%pg_stat_activity%%'"

    def looks() -> set[Any]:
        return {row["query_start"] for row in service.select(sql, f"%FROM {table}%") + service.select(sql, f"%JOIN {table}%")}

    seen: set[Any] = set()

    def has_looked() -> bool:
        seen.update(looks())
        return len(seen) > 2

    return wait_until(has_looked, SECONDS)
