"""`PUT /api/transcripts/{session_id}`: whole lines of a transcript at an offset; each byte goes onto the journal once, and in order."""

from collections.abc import Mapping
from typing import Any

import httpx2 as httpx

from shared.messages import TranscriptRange
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
