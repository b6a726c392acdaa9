"""`PUT /api/transcripts/{session_id}`: whole lines of a transcript at an offset; each byte goes onto the journal once, and in order."""

import pytest

from services.ingest.capture.write_range import MAX_FILE_LINE_BYTES, MAX_LINE_BYTES, MAX_RANGE_BYTES
from services.ingest.journal.append_range import MAX_NEW_GENERATIONS
from shared.events.messages import TranscriptRange
from tests.integration.ingest.capture.sent_ranges import FILE, MACHINE, ONE, SESSION, THREE, TWO, contents, put, ranges
from tests.integration.ingest.conftest import Service, is_error


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
