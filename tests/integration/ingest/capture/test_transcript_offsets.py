"""Where ingest learns how far a file is: from Redis, else from Postgres; and what it answers when one of them has lost something."""

import asyncio
import random

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from services.ingest.app import create_app
from services.ingest.settings import Settings
from shared.journal.streams import transcript_key
from tests.conftest import LOCAL
from tests.integration.ingest.capture.sent_ranges import FILE, MACHINE, ONE, SESSION, THREE, TWO, contents, put
from tests.integration.ingest.conftest import Service, is_error

LINES = [b'{"n":%d}\n' % (n * 37) for n in range(60)]
KEY = transcript_key("journal:{0}", SESSION, "m-1", FILE)


def store(service: Service, offset: int, generation: int = 0) -> None:
    """As the worker does when it has stored ranges."""
    service.execute(
        "INSERT INTO transcript_files (session_id, file_name, machine_id, generation, stored_offset) VALUES (%s, %s, 'm-1', %s, %s)",
        SESSION,
        FILE,
        generation,
        offset,
    )


def test_a_file_that_redis_does_not_know_goes_on_where_postgres_has_it(service: Service) -> None:
    store(service, 8)

    assert is_error(put(service, ONE, 100), 409, "OFFSET_MISMATCH") == {"offset": 8, "generation": 0}
    assert put(service, ONE, 0).json() == {"offset": 8, "status": "duplicate"}
    assert put(service, ONE + TWO, 0).json() == {"offset": 17, "status": "accepted"}
    assert contents(service) == [(8, 17, TWO.decode())]


def test_the_newest_generation_in_postgres_counts(service: Service) -> None:
    store(service, 100)
    store(service, 8, generation=2)

    assert is_error(put(service, ONE, 0, generation=1), 409, "GENERATION_SUPERSEDED") == {"generation": 2}
    assert put(service, TWO, 8, generation=2).json() == {"offset": 17, "status": "accepted"}


def test_redis_counts_while_postgres_is_behind_the_journal(service: Service) -> None:
    put(service, ONE + TWO, 0)
    store(service, 8)

    assert put(service, THREE, 17).json() == {"offset": 27, "status": "accepted"}


def test_a_redis_that_lost_its_data_leads_back_to_what_is_stored(service: Service) -> None:
    put(service, ONE + TWO, 0)
    store(service, 8)
    service.redis.flushall()

    assert is_error(put(service, THREE, 17), 409, "OFFSET_MISMATCH") == {"offset": 8, "generation": 0}
    assert put(service, TWO + THREE, 8).json() == {"offset": 27, "status": "accepted"}


def test_the_offset_of_a_file_in_redis_expires(service: Service) -> None:
    put(service, ONE, 0)

    assert 0 < service.redis.ttl(KEY) <= 86_400


def test_known_files_go_on_without_postgres_and_others_have_to_wait(service: Service, settings: Settings, dead_address: str) -> None:
    put(service, ONE, 0)
    away = settings.model_copy(update={"database_url": f"postgresql://tracker@{dead_address}/tracker"})
    with TestClient(create_app(away), LOCAL, raise_server_exceptions=False) as http:
        without = Service(http, away, service.redis)

        assert put(without, TWO, 8).json() == {"offset": 17, "status": "accepted"}
        is_error(put(without, ONE, 0, file="other.jsonl"), 503, "DATABASE_UNAVAILABLE")


def test_hooks_are_taken_without_postgres(service: Service, settings: Settings, dead_address: str) -> None:
    away = settings.model_copy(update={"database_url": f"postgresql://tracker@{dead_address}/tracker"})
    with TestClient(create_app(away), LOCAL, raise_server_exceptions=False) as http:
        assert http.post("/api/hooks?user=ann", json={"session_id": "s", "hook_event_name": "Stop"}).status_code == 204
    assert [item.user for envelope in service.envelopes() for item in envelope.hooks] == ["ann"]


def test_without_redis_both_are_503(settings: Settings, dead_address: str) -> None:
    away = settings.model_copy(update={"redis_url": f"redis://{dead_address}/0"})
    with TestClient(create_app(away), LOCAL, raise_server_exceptions=False) as http:
        headers = {"content-type": "application/x-ndjson"}
        is_error(http.put(f"/api/transcripts/s?file={FILE}&offset=0", content=ONE, headers=headers), 503, "QUEUE_UNAVAILABLE")
        is_error(http.post("/api/hooks", json={"session_id": "s", "hook_event_name": "Stop"}), 503, "QUEUE_UNAVAILABLE")


def test_a_full_backlog_refuses_both_and_keeps_nothing(service: Service, settings: Settings) -> None:
    full = settings.model_copy(update={"backlog_max_entries": 1})
    put(service, ONE, 0)
    put(service, TWO, 8)
    with TestClient(create_app(full), LOCAL, raise_server_exceptions=False) as http:
        crowded = Service(http, full, service.redis)
        # Sampled in the background, and before the first append
        while (answer := put(crowded, THREE, 17)).status_code == 200 or answer.json()["code"] != "BACKLOG_FULL":
            service.redis.hset(KEY, "offset", 17)
        is_error(answer, 503, "BACKLOG_FULL")
        is_error(crowded.post("/api/hooks", {"session_id": "s", "hook_event_name": "Stop"}), 503, "BACKLOG_FULL")


@pytest.mark.parametrize("seed", range(5))
def test_two_senders_at_once_bring_each_line_once_and_in_order(settings: Settings, service: Service, seed: int) -> None:
    """Both send the whole file, in pieces that begin and end anywhere, and go on where they are told."""
    whole = b"".join(LINES)

    async def send(client: httpx.AsyncClient, cuts: random.Random) -> None:
        offset = 0
        while offset < len(whole):
            first = whole.count(b"\n", 0, offset)
            body = b"".join(LINES[first : first + cuts.randint(1, 9)])
            parameters = {"file": FILE, "offset": str(offset)}
            answer = await client.put(
                f"/api/transcripts/{SESSION}", params=parameters, content=body, headers={"content-type": "application/x-ndjson"} | MACHINE
            )
            assert answer.status_code in (200, 409), answer.text
            offset = answer.json()["offset"] if answer.status_code == 200 else answer.json()["details"]["offset"]

    async def story() -> None:
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=LOCAL, timeout=60) as client:
                await asyncio.gather(*(send(client, random.Random(f"{seed} {number}")) for number in range(3)))

    asyncio.run(story())

    found = contents(service)
    assert [start for start, _, _ in found] == [0, *(end for _, end, _ in found[:-1])]
    assert "".join(content for _, _, content in found).encode() == whole
