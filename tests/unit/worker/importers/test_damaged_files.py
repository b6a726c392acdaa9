"""Damaged files: everything readable is read, and every unreadable part is reported with its place."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.importers.formats.json_lines import Line, read_lines
from services.worker.importers.formats.read_records import read_records
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.records import DAMAGED, FileSummary, Message, RecordError, SessionFacts
from shared.claude_formats.upload_kinds import Kind
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import WHOLE, errors, jsonl, of, prompt, read, row, summary

FIRST, SECOND = (json.dumps(prompt(n, f"u{n}", f"words {n}")).encode() for n in (1, 2))


def words(records: list[Any]) -> list[str]:
    return [message.content for message in of(records, Message)]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + FIRST + b"\n" + SECOND,
        FIRST + b"\r\n" + SECOND + b"\r\n",
        FIRST[:-1] + b', "type": "user"}\n' + SECOND,
        FIRST + SECOND + b"\n",
        FIRST + b", " + SECOND + b"\n",
        b"// Source: a gist\n" + FIRST + b"\n# another\n" + SECOND,
        FIRST + b"\n\n \t\n" + SECOND,
        b"\x00\x00" + FIRST + b"\x00\n" + b"\x00" * 50 + b"\n" + SECOND,
    ],
    ids=["BOM", "CRLF", "a key twice", "two on a line", "comma between", "comments", "empty lines", "NUL bytes"],
)
def test_harmless_oddities_are_not_errors(content: bytes) -> None:
    records = read(content)
    assert words(records) == ["words 1", "words 2"]
    assert errors(records) == []


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (b"garbage", "INVALID_JSON"),
        (FIRST[:-20], "INVALID_JSON"),
        (b"[1, 2]", "NOT_AN_OBJECT"),
        (b"7", "NOT_AN_OBJECT"),
        (b'{"type":"user","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "NESTED_TOO_DEEP"),
        (b'{"type":"user","deep":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "NESTED_TOO_DEEP"),
    ],
)
def test_a_bad_line_is_reported_with_its_place_and_the_others_are_read(damage: bytes, code: str) -> None:
    records = read(FIRST + b"\n" + damage + b"\n" + SECOND + b"\n")
    assert words(records) == ["words 1", "words 2"]
    [error] = of(records, RecordError)
    assert (error.code, error.line, error.offset) == (code, 2, len(FIRST) + 1)


def test_a_record_before_the_damage_on_the_same_line_is_read() -> None:
    records = read(FIRST + b'{"type": oops\n' + SECOND)
    assert words(records) == ["words 1", "words 2"]
    assert errors(records) == [("INVALID_JSON", 1)]


def test_a_truncated_last_line_is_reported_as_truncated() -> None:
    assert errors(read(FIRST + b"\n" + SECOND[:-9])) == [("TRUNCATED", 2)]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (b'"half \\ud83d of a pair"', "half ? of a pair"),
        (b'"\\ude00"', "?"),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'"a\\u0000\\u0000b"', "a\ufffd\ufffdb"),
        (b'"a\\\\u0000b"', "a\\u0000b"),
        (b'"a\\\\\\u0000b"', "a\\\ufffdb"),
        (b'"\xff\xfe!"', "\ufffd\ufffd!"),
        (b'"tab\there"', "tab\there"),
    ],
)
def test_text_that_postgres_cannot_store_is_made_storable(written: bytes, read_as: str) -> None:
    records = read(FIRST.replace(b'"words 1"', written) + b"\n")
    assert words(records) == [read_as]
    assert errors(records) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"gitBranch": 7},
        {"cwd": {"not": "a path"}},
        {"timestamp": "yesterday"},
        {"timestamp": 1751000000000},
        {"timestamp": "9999-12-31T23:59:59.999Z"},
        {"isSidechain": "no"},
        {"toolUseResult": 7},
        {"toolUseResult": {"structuredPatch": "?", "durationMs": "?", "filePath": 1}},
        {"toolUseResult": [1, None]},
        {"origin": "human"},
        {"agentId": 5},
        {
            "message": {
                "content": [None, 7, {"type": 3}, {"type": "text", "text": "words 1"}, {"type": "image", "source": None}],
                "usage": "?",
            }
        },
    ],
)
def test_a_field_of_an_unexpected_type_counts_as_missing(fields: dict[str, Any]) -> None:
    records = read(jsonl(prompt(1, "u1", "words 1") | fields))
    assert [content.partition("\n")[0] for content in words(records)] == ["words 1"]
    assert errors(records) == []


def test_invalid_token_counts_do_not_affect_the_message() -> None:
    usage = {"input_tokens": "many", "output_tokens": -5, "cache_creation": [], "cache_read_input_tokens": 10**30, "server_tool_use": "?"}
    records = read(jsonl(row("assistant", 0, "a", message={"id": "m", "content": "hi", "usage": usage})))
    assert words(records) == ["hi"]
    assert errors(records) == []


def test_a_too_long_line_is_skipped_without_buffering_it() -> None:
    short, long = b"a" * 10, b"b" * 1000
    for chunk in (1, 7, 64, 5000):
        found = list(read_lines(Pieces(b"\n".join([short, long, short, long]), chunk), max_line_bytes=100))
        assert [(type(one).__name__, getattr(one, "number", None) or one.line, one.offset) for one in found] == [  # type: ignore[union-attr]
            ("Line", 1, 0),
            ("RecordError", 2, 11),
            ("Line", 3, 1012),
            ("RecordError", 4, 1023),
        ]


class Pieces(io.RawIOBase):
    """A file that gives at most `size` bytes at a time, and breaks after `breaks_at`."""

    def __init__(self, content: bytes, size: int, breaks_at: int | None = None) -> None:
        self._file = io.BytesIO(content)
        self._size = size
        self._breaks_at = breaks_at

    def read(self, _size: int = -1) -> bytes:
        if self._breaks_at is not None and self._file.tell() >= self._breaks_at:
            raise EOFError("the archive ends here")
        return self._file.read(self._size)


def test_a_read_error_keeps_the_records_before_it_and_its_place() -> None:
    content = FIRST + b"\n" + SECOND + b"\n" + FIRST
    records = list(read_transcript(Pieces(content, 50, len(FIRST) + len(SECOND) + 20), user=None, idle_gap=IDLE_GAP))  # type: ignore[arg-type]
    assert words(records) == ["words 1", "words 2"]
    assert [code for code, _ in errors(records)] == ["TRUNCATED", DAMAGED]
    assert isinstance(records[-1], FileSummary)


@given(
    st.binary(max_size=400)
    | st.lists(st.sampled_from([FIRST, b"{", b"}", b'"', b"\n", b"\xff", b"\\", b"[", b"null", b"1e999"])).map(b"".join)
)
def test_any_bytes_are_read_to_the_summary(content: bytes) -> None:
    assert isinstance(read(content)[-1], FileSummary)


SCALARS = st.sampled_from(
    [None, True, 0, -1, 2**70, 1.5, 1e300, float("nan"), "", "text", "user", "2026-03-01T09:00:00Z", "/p", "\x00\ud800"]
)
BLOCK = st.dictionaries(st.sampled_from(["type", "text", "id", "name", "input", "tool_use_id", "content", "is_error"]), SCALARS, max_size=4)
BLOCKS = st.lists(BLOCK | SCALARS, max_size=3)
MESSAGE = st.dictionaries(st.sampled_from(["id", "model", "content", "usage"]), SCALARS | BLOCK | BLOCKS, max_size=4)
FIELDS = [
    "uuid",
    "sessionId",
    "timestamp",
    "cwd",
    "message",
    "toolUseResult",
    "isMeta",
    "origin",
    "agentId",
    "isSidechain",
    "summary",
    "leafUuid",
    "modelUsage",
    "totalCostUSD",
]


@given(
    st.sampled_from(["user", "assistant", "summary", "cost-state"]),
    st.dictionaries(st.sampled_from(FIELDS), SCALARS | BLOCKS | MESSAGE, max_size=8),
)
def test_any_json_values_are_read_without_errors(kind: str, fields: dict[str, Any]) -> None:
    line = json.dumps(fields | {"type": kind}).encode()
    assert errors(read(line + b"\n" + FIRST + b"\n")) == []


@given(st.integers(1, 300), st.integers(1, 300))
def test_chunk_sizes_do_not_change_the_records(one: int, other: int) -> None:
    content = jsonl(*WHOLE) + b"garbage\n" + FIRST + SECOND
    first, second = (
        list(read_transcript(Pieces(content, size, None), user="ann", idle_gap=IDLE_GAP))  # type: ignore[arg-type]
        for size in (one, other)
    )
    assert first == second == read(content)


LINES = jsonl(*(prompt(n, f"u{n}", f"words {n}") for n in range(10))).splitlines(keepends=True)


@given(st.integers(0, 9), st.data())
def test_damage_to_one_line_leaves_the_other_lines(damaged: int, data: st.DataObject) -> None:
    line = LINES[damaged]
    start = data.draw(st.integers(0, len(line) - 2))
    broken = line[:start] + data.draw(st.binary(min_size=1, max_size=5).filter(lambda b: b"\n" not in b)) + line[start + 1 :]

    records = read(b"".join([*LINES[:damaged], broken, *LINES[damaged + 1 :]]))

    others = [f"words {n}" for n in range(10) if n != damaged]
    assert [w for w in words(records) if w in others] == others
    assert all(line == damaged + 1 for _, line in errors(records))


@given(st.integers(0, len(b"".join(LINES))))
def test_truncation_anywhere_keeps_all_complete_lines(cut: int) -> None:
    content = b"".join(LINES)[:cut]
    whole = sum(1 for n in range(1, 11) if len(b"".join(LINES[:n])) - 1 <= cut)
    assert words(read(content)) == [f"words {n}" for n in range(whole)]


def test_reading_again_gives_the_same_records() -> None:
    content = jsonl(*WHOLE)
    assert msgspec.json.encode(read(content)) == msgspec.json.encode(read(content))
    assert summary(read(content)).records["user"] == 3


def test_a_line_knows_its_number_and_offset() -> None:
    assert list(read_lines(io.BytesIO(b"a\n\nbc"))) == [Line(b"a", 1, 0, True), Line(b"bc", 3, 3, False)]


TIMEOUT = 120
DEPTH = 1_000_000
GAP = timedelta(minutes=5)
INDEX = b'{"version":1,"entries":[7,["x"],{"sessionId":"s-1","projectPath":"/p","tags":[{"sessionId":"none"}],"firstPrompt":"hi"}],"x":[{"sessionId":"no"}]}'
FILES: dict[str, tuple[Kind, Callable[[], bytes]]] = {
    "sessions-index.json, arrays": ("sessions_index", lambda: b'{"version":1,"entries":[{"sessionId":' + b"[" * DEPTH),
    "sessions-index.json, objects": ("sessions_index", lambda: b'{"version":1,"entries":' + b'{"entries":' * DEPTH),
    "claude.json": ("claude_json", lambda: b'{"projects":' + b'{"a":' * DEPTH),
    "transcript": ("transcript", lambda: b'{"type":"user","sessionId":"s","message":' + b"[" * DEPTH),
    "progress": (
        "transcript",
        lambda: b'{"type":"progress","sessionId":"s","data":{"type":"agent_progress","message":' + b"[" * DEPTH + b"]" * DEPTH + b"}}",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_deeply_nested_json_is_read_in_linear_time(name: str) -> None:
    """In a process of its own, which can be ended."""
    program = "import sys; from tests.unit.worker.importers.test_damaged_files import codes; print(codes(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, name], capture_output=True, text=True, timeout=TIMEOUT, check=True)
    assert done.stdout


def codes(name: str) -> list[str]:
    kind, content = FILES[name]
    return [
        record.code for record in read_records(io.BytesIO(content()), kind, None, GAP, datetime.now(UTC)) if isinstance(record, RecordError)
    ]


def test_nested_texts_of_an_index_entry_are_ignored() -> None:
    records = list(read_records(io.BytesIO(INDEX), "sessions_index", "ann", GAP, datetime.now(UTC)))

    [facts] = [record for record in records if isinstance(record, SessionFacts)]
    assert (facts.session_id, facts.project_path, facts.title) == ("s-1", "/p", "hi")
    assert records[-1].unknown_records == {"(none)": 2}  # type: ignore[union-attr]
