"""`PUT /api/transcripts/{session_id}`: whole lines at an offset, each byte onto the journal once and in order; where ingest learns the offset."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from services.ingest.app import create_app
from services.ingest.capture.write_range import MAX_FILE_LINE_BYTES, MAX_LINE_BYTES, MAX_RANGE_BYTES
from services.ingest.journal.append_range import MAX_NEW_GENERATIONS
from services.ingest.settings import Settings
from shared.events.messages import TranscriptRange
from shared.journal.streams import transcript_key
from tests.conftest import LOCAL
from tests.integration.ingest.conftest import Service, is_error

SESSION = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
FILE = f"{SESSION}.jsonl"
ONE, TWO, THREE = b'{"n":1}\n', b'{"n":22}\n', b'{"n":333}\n'
MACHINE = {"x-tracker-machine": "m-1"}


def put(
    service: Service,
    body: bytes,
    offset: int,
    *,
    file: str = FILE,
    session_id: str = SESSION,
    headers: Mapping[str, str] = MACHINE,
    **query: Any,
) -> httpx.Response:
    parameters = {"file": file, "offset": offset} | query
    headers = {"content-type": "application/x-ndjson"} | headers
    return service.http.put(f"/api/transcripts/{session_id}", params=parameters, content=body, headers=headers)


def ranges(service: Service) -> list[TranscriptRange]:
    return [item for envelope in service.envelopes() for item in envelope.ranges]


def contents(service: Service) -> list[tuple[int, int, str]]:
    return [(item.start_offset, item.end_offset, item.content) for item in ranges(service)]


def test_a_file_comes_in_ranges_that_join(service: Service) -> None:
    first = put(service, ONE + TWO, 0, user="ann")
    second = put(service, THREE, 17)

    assert (first.status_code, first.json()) == (200, {"offset": 17, "status": "accepted"})
    assert (second.status_code, second.json()) == (200, {"offset": 27, "status": "accepted"})
    [found, _] = ranges(service)
    assert found == TranscriptRange(
        session_id=SESSION, file_name=FILE, start_offset=0, end_offset=17, content=(ONE + TWO).decode(), machine_id="m-1", user="ann"
    )
    assert contents(service)[1] == (17, 27, THREE.decode())
    assert service.redis.hget("accounting:{0}", "accepted") == b"2"


def test_a_range_that_is_known_is_a_duplicate(service: Service) -> None:
    put(service, ONE + TWO, 0)

    for body, offset in ((ONE + TWO, 0), (ONE, 0), (TWO, 8)):
        answer = put(service, body, offset)
        assert (answer.status_code, answer.json()) == (200, {"offset": 17, "status": "duplicate"})
    assert len(ranges(service)) == 1


def test_of_an_overlap_only_the_new_part_is_taken(service: Service) -> None:
    put(service, ONE + TWO, 0)

    answer = put(service, TWO + THREE, 8)

    assert answer.json() == {"offset": 27, "status": "accepted"}
    assert contents(service)[1] == (17, 27, THREE.decode())


def test_an_overlap_that_is_not_cut_at_a_line_is_refused(service: Service) -> None:
    put(service, ONE, 0)

    answer = put(service, b'{"other": "lines"}\n', 0)

    assert is_error(answer, 409, "OFFSET_MISMATCH") == {"offset": 8, "generation": 0}


def test_a_gap_is_refused_with_the_offset_wanted(service: Service) -> None:
    assert is_error(put(service, TWO, 8), 409, "OFFSET_MISMATCH") == {"offset": 0, "generation": 0}
    put(service, ONE, 0)
    assert is_error(put(service, THREE, 17), 409, "OFFSET_MISMATCH") == {"offset": 8, "generation": 0}
    assert len(ranges(service)) == 1


def test_an_empty_range_takes_nothing_and_tells_the_offset(service: Service) -> None:
    assert put(service, b"", 0).json() == {"offset": 0, "status": "duplicate"}
    put(service, ONE, 0)
    assert put(service, b"", 0).json() == {"offset": 8, "status": "duplicate"}
    assert is_error(put(service, b"", 9), 409, "OFFSET_MISMATCH") == {"offset": 8, "generation": 0}
    assert len(ranges(service)) == 1


def test_a_redacted_range_says_where_it_ends_in_the_file(service: Service) -> None:
    assert put(service, ONE, 0, end=100).json() == {"offset": 100, "status": "accepted"}
    assert put(service, TWO, 100).json() == {"offset": 109, "status": "accepted"}
    assert contents(service) == [(0, 100, ONE.decode()), (100, 109, TWO.decode())]


def test_an_overlap_of_a_redacted_range_is_refused(service: Service) -> None:
    put(service, ONE, 0)

    answer = put(service, ONE + TWO, 0, end=30)

    assert is_error(answer, 409, "OFFSET_MISMATCH") == {"offset": 8, "generation": 0}


def test_a_higher_generation_begins_anew_and_the_older_one_is_refused(service: Service) -> None:
    put(service, ONE + TWO, 0)

    assert is_error(put(service, ONE, 8, generation=1), 409, "OFFSET_MISMATCH") == {"offset": 0, "generation": 1}
    assert put(service, THREE, 0, generation=1).json() == {"offset": 10, "status": "accepted"}
    assert is_error(put(service, THREE, 17), 409, "GENERATION_SUPERSEDED") == {"generation": 1}
    assert [(item.generation, item.start_offset) for item in ranges(service)] == [(0, 0), (1, 0)]


def test_files_and_machines_are_apart(service: Service) -> None:
    for file, headers in ((FILE, MACHINE), ("subagents/agent-1.jsonl", MACHINE), (FILE, {"x-tracker-machine": "m-2"}), (FILE, {})):
        assert put(service, ONE, 0, file=file, headers=headers).json()["status"] == "accepted"
    assert [(item.file_name, item.machine_id) for item in ranges(service)] == [
        (FILE, "m-1"),
        ("subagents/agent-1.jsonl", "m-1"),
        (FILE, "m-2"),
        (FILE, "-"),
    ]


def test_secrets_are_redacted_before_the_journal_and_offsets_stay_those_of_the_file(service: Service) -> None:
    secret = b"sk-ant-api03-" + b"a1B2" * 24
    body = b'{"text":"' + secret + b'"}\n' + ONE

    assert put(service, body, 0).json() == {"offset": len(body), "status": "accepted"}
    assert put(service, body + TWO, 0).json() == {"offset": len(body) + len(TWO), "status": "accepted"}

    [(_, end, first), (start, _, second)] = contents(service)
    assert (end, start) == (len(body), len(body))
    assert secret.decode() not in first
    assert first.startswith('{"text":"[redacted:')
    assert first.count("\n") == 2
    assert second == TWO.decode()


def test_bytes_that_are_not_utf_8_are_replaced_and_the_lines_stay(service: Service) -> None:
    body = b'{"a":"\xff\xed\xa0\x80"}\n\0\0\n' + ONE

    assert put(service, body, 0).json()["offset"] == len(body)
    [(_, _, content)] = contents(service)
    assert content.count("\n") == 3
    assert content.startswith('{"a":"�')
    assert content.endswith("\0\0\n" + ONE.decode())


@pytest.mark.parametrize("body", [ONE + b"{", b"{}", b"\r", ONE[:-1]])
def test_lines_that_are_not_whole_are_400(service: Service, body: bytes) -> None:
    is_error(put(service, body, 0), 400, "VALIDATION_ERROR")
    assert ranges(service) == []


OUTSIDE = [
    "",
    "/etc/x.jsonl",
    "../x.jsonl",
    "a/../../x.jsonl",
    "./x.jsonl",
    "a//x.jsonl",
    "a/",
    "a/x.json",
    "C:/x.jsonl",
    "a\\x.jsonl",
    "a\nx.jsonl",
    "a\0x.jsonl",
    " /x.jsonl",
    "a/ x.jsonl",
    "x" * 295 + ".jsonl",
]


def test_a_file_that_would_leave_the_sessions_folder_is_400(service: Service, subtests: pytest.Subtests) -> None:
    for file in OUTSIDE:
        with subtests.test(file):
            assert list(is_error(put(service, ONE, 0, file=file), 400, "VALIDATION_ERROR")) == ["file"]


INVALID = [
    "offset=0",
    "file=a.jsonl",
    "file=a.jsonl&offset=-1",
    "file=a.jsonl&offset=x",
    "file=a.jsonl&offset=1.0",
    "file=a.jsonl&offset=9007199254740992",
    "file=a.jsonl&offset=9007199254740991",
    "file=a.jsonl&offset=%D9%A1",
    "file=a.jsonl&offset=0&offset=8",
    "file=a.jsonl&offset=8&end=7",
    "file=a.jsonl&offset=8&end=8",
    "file=a.jsonl&offset=0&generation=x",
    "file=a.jsonl&offset=0&user=",
    "file=a.jsonl&offset=0&colour=red",
    "file=a.jsonl&offset=0&user=%ff",
]


def test_a_query_that_is_not_valid_is_400(service: Service, subtests: pytest.Subtests) -> None:
    for query in INVALID:
        with subtests.test(query):
            answer = service.http.put(f"/api/transcripts/s?{query}", content=ONE, headers={"content-type": "application/x-ndjson"})
            is_error(answer, 400, "VALIDATION_ERROR")
            assert ranges(service) == []


@pytest.mark.parametrize("session_id", ["a%0Ab", "a%7Fb", "x" * 201])
def test_a_session_id_is_checked_as_elsewhere(service: Service, session_id: str) -> None:
    is_error(put(service, ONE, 0, session_id=session_id, file="a.jsonl"), 400, "VALIDATION_ERROR")


def test_a_range_over_a_mebibyte_is_413_unless_it_is_one_line(service: Service) -> None:
    line = b'"' + b"x" * MAX_RANGE_BYTES + b'"\n'

    assert is_error(put(service, ONE + line, 0), 413, "PAYLOAD_TOO_LARGE") == {"max_bytes": MAX_RANGE_BYTES}
    assert put(service, line, 0).json() == {"offset": len(line), "status": "accepted"}


def test_a_line_over_its_limit_is_413(service: Service) -> None:
    assert is_error(put(service, b"x" * MAX_LINE_BYTES + b"\n", 0), 413, "PAYLOAD_TOO_LARGE") == {"max_bytes": MAX_LINE_BYTES}


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_another_media_type_is_415(service: Service, media_type: str) -> None:
    is_error(put(service, ONE, 0, headers={"content-type": media_type}), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_the_end_of_a_range_is_bounded_by_its_lines(service: Service) -> None:
    # Lines of the file may be longer than what is sent of them, but no line is longer than this
    furthest = 2 * MAX_FILE_LINE_BYTES + len(ONE + TWO)

    assert is_error(put(service, ONE + TWO, 0, end=2**53 - 1), 400, "VALIDATION_ERROR").keys() == {"end"}
    assert is_error(put(service, ONE + TWO, 0, end=furthest + 1), 400, "VALIDATION_ERROR").keys() == {"end"}
    assert put(service, ONE + TWO, 0, end=furthest).json() == {"offset": furthest, "status": "accepted"}


def test_a_generation_far_beyond_the_files_is_refused(service: Service) -> None:
    put(service, ONE, 0, generation=3)

    assert is_error(put(service, ONE, 0, generation=2**53 - 1), 400, "VALIDATION_ERROR").keys() == {"generation"}
    assert is_error(put(service, ONE, 0, generation=3 + MAX_NEW_GENERATIONS + 1), 400, "VALIDATION_ERROR").keys() == {"generation"}
    assert put(service, ONE, 0, generation=4).json()["status"] == "accepted"


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
