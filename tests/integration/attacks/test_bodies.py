"""Hostile bodies, multipart ones and archives too: each gets one answer and leaves nothing or exactly one event."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.ingest.imports.uploads import MAX_FILES
from shared.events.messages import Activity, Conversation
from tests.integration.attacks.conftest import SESSION, Target, refused

MESSAGE = {"session_id": SESSION, "role": "user", "content": "hello"}
ONE = "one"
JSON = "application/json"


def message(**fields: Any) -> bytes:
    return json.dumps(MESSAGE | fields).encode()


def call(parameters: bytes) -> bytes:
    return b'{"tool_name": "Bash", "result_status": "success", "session_id": "s-1", "parameters": {"x": ' + parameters + b"}}"


def change(lines_added: bytes) -> bytes:
    return b'{"session_id": "s-1", "file_path": "a", "action": "created", "lines_added": ' + lines_added + b"}"


# name: path, body, status, code (ONE: it is accepted and is one event)
BODIES: dict[str, tuple[str, bytes, int, str]] = {
    "a plain one": ("conversations", message(), 201, ONE),
    "empty": ("conversations", b"", 400, "INVALID_JSON"),
    "no JSON": ("conversations", b"hello", 400, "INVALID_JSON"),
    "an array": ("conversations", b"[]", 400, "VALIDATION_ERROR"),
    "deep, 65 levels": ("tool-calls", call(b"[" * 65 + b"]" * 65), 400, "INVALID_JSON"),
    "deep, 100,000 levels": ("tool-calls", call(b"[" * 100_000 + b"]" * 100_000), 400, "INVALID_JSON"),
    "deep, never closed": ("tool-calls", b'{"a":' * 100_000, 400, "INVALID_JSON"),
    "an int of 2**64": ("tool-calls", call(str(2**64).encode()), 400, "VALIDATION_ERROR"),
    "an int of 5,000 digits": ("tool-calls", call(b"9" * 5_000), 400, "VALIDATION_ERROR"),
    "a count that is no 53-bit int": ("activities", change(b"9007199254740992"), 400, "VALIDATION_ERROR"),
    "a negative count": ("activities", change(b"-1"), 400, "VALIDATION_ERROR"),
    "NaN": ("tool-calls", call(b"NaN"), 400, "INVALID_JSON"),
    "Infinity": ("tool-calls", call(b"-Infinity"), 400, "INVALID_JSON"),
    "1e400": ("tool-calls", call(b"1e400"), 400, "VALIDATION_ERROR"),
    "-1e400": ("tool-calls", call(b"-1e400"), 400, "VALIDATION_ERROR"),
    "1e-400": ("tool-calls", call(b"1e-400"), 201, ONE),
    "invalid UTF-8": ("conversations", b'{"session_id": "s-1", "role": "user", "content": "\xff"}', 400, "INVALID_JSON"),
    "overlong UTF-8": ("conversations", b'{"session_id": "s-1", "role": "user", "content": "\xc0\xae"}', 400, "INVALID_JSON"),
    "a byte order mark": ("conversations", b"\xef\xbb\xbf" + message(), 400, "INVALID_JSON"),
    "UTF-16": ("conversations", message().decode().encode("utf-16"), 400, "INVALID_JSON"),
    "something after its end": ("conversations", message() + b"{}", 400, "INVALID_JSON"),
    "a path that is too long": ("activities", b'{"session_id": "s-1", "action": "created", "file_path": "%s"}' % (b"a" * 4097), 400, "VALIDATION_ERROR"),
    "a session id that is too long": ("conversations", message(session_id="s" * 201), 400, "VALIDATION_ERROR"),
    "a surrogate in UTF-8": ("conversations", b'{"session_id": "s-1", "role": "user", "content": "\xed\xa0\x80"}', 400, "INVALID_JSON"),
    "a number for a text": ("conversations", b'{"session_id": "s-1", "role": "user", "content": 1e400}', 400, "VALIDATION_ERROR"),
    "a lone surrogate": ("conversations", rb'{"session_id": "s-1", "role": "user", "content": "\ud800"}', 201, ONE),
    "a year 0": ("conversations", message(timestamp="0000-01-01T00:00:00Z"), 400, "VALIDATION_ERROR"),
    "a time that is none": ("conversations", message(timestamp="yesterday"), 400, "VALIDATION_ERROR"),
    "a year of five digits": ("conversations", message(timestamp="10000-01-01T00:00:00Z"), 400, "VALIDATION_ERROR"),
    "a type of our own for another route": ("conversations", message(type="session_start", project_path="/x"), 400, "VALIDATION_ERROR"),
    "an unknown session": ("conversations", message(session_id="nobody"), 404, "SESSION_NOT_FOUND"),
    "SQL in an id": ("conversations", message(session_id="s-1'; DROP TABLE messages; --"), 404, "SESSION_NOT_FOUND"),
    "a prototype": ("conversations", message(__proto__={"admin": True}, constructor={"prototype": {}}), 201, ONE),
}  # fmt: skip


def test_a_body_has_one_answer_and_leaves_nothing_or_one_event(target: Target, subtests: pytest.Subtests) -> None:
    for name, (path, body, status, code) in BODIES.items():
        with subtests.test(name):
            before = target.stored()
            answer = target.post(f"/api/{path}", body)
            if code == ONE:
                assert answer.status_code == status, answer.text
                assert target.stored() == before | {"events": before["events"] + 1}
            else:
                refused(answer, status, code)
                assert target.stored() == before


NOT_LINES = {"an array", "empty", "a byte order mark", "a type of our own for another route"}
NOT_UTF8 = {"invalid UTF-8", "overlong UTF-8", "a surrogate in UTF-8", "UTF-16"}
LINES = [name for name, (path, *_) in BODIES.items() if path == "conversations" and name not in NOT_LINES]


def test_a_hostile_item_does_not_affect_its_neighbours_in_a_batch(target: Target, subtests: pytest.Subtests) -> None:
    """As a line between two good ones."""
    good = message(type="conversation", content="good")
    for name in [name for name in LINES if name not in NOT_UTF8]:
        _, body, _, code = BODIES[name]
        line = (
            body.replace(b"\n", b" ").replace(b'{"', b'{"type": "conversation", "', 1)
            if b'"type"' not in body
            else message(type="conversation")
        )
        with subtests.test(name):
            before = target.stored()
            answer = target.post("/api/events", b"\n".join([good, line, good]), "application/x-ndjson")
            assert answer.status_code == 200, answer.text
            assert answer.json()["accepted"] == (3 if code == ONE else 2)
            assert target.stored()["events"] == before["events"] + answer.json()["accepted"]


@pytest.mark.parametrize("name", sorted(NOT_UTF8))
def test_a_batch_that_is_not_utf8_is_refused_as_a_whole(target: Target, name: str) -> None:
    before = target.stored()
    body = b"\n".join([message(type="conversation"), BODIES[name][1]])
    refused(target.post("/api/events", body, "application/x-ndjson"), 400, "INVALID_JSON")
    assert target.stored() == before


def test_the_last_of_duplicate_json_keys_counts(target: Target) -> None:
    assert (
        target.post("/api/conversations", b'{"content": "first", "content": "last", "session_id": "s-1", "role": "user"}').status_code
        == 201
    )
    stored = target.journal()[-1]
    assert isinstance(stored, Conversation)
    assert stored.content == "last"


def test_text_that_postgres_cannot_store_is_made_storable(target: Target) -> None:
    assert target.post("/api/conversations", rb'{"session_id": "s-1", "role": "user", "content": "a\u0000b\ud800c"}').status_code == 201
    stored = target.journal()[-1]
    assert isinstance(stored, Conversation)
    assert stored.content == "a\ufffdb\ufffdc"


def test_a_file_path_is_stored_as_text_and_never_opened(target: Target) -> None:
    paths = [
        "../../etc/passwd",
        "/etc/shadow",
        "C:\\win.ini",
        "file:///etc/passwd",
        "\\\\host\\share",
        "a\0b",
        "%2e%2e%2f",
        "~/.ssh/id_ed25519",
    ]

    for path in paths:
        assert (
            target.post(
                "/api/activities", json.dumps({"session_id": SESSION, "file_path": path, "action": "modified"}).encode()
            ).status_code
            == 201
        )

    stored = [event.file_path for event in target.journal() if isinstance(event, Activity)]
    assert stored == [path.replace("\0", "\ufffd") for path in paths]


LIMITS = {
    "/api/conversations": 1024 * 1024,
    "/api/tool-calls": 1024 * 1024,
    "/api/sessions/start": 1024 * 1024,
    "/api/events": 16 * 1024 * 1024,
    "/api/import/claude-data": 2_000_000,
}


@pytest.mark.parametrize("path", LIMITS)
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_over_its_limit_is_413_and_closes_the_connection(target: Target, path: str, is_declared: bool) -> None:
    before = target.stored()
    media_type = "multipart/form-data; boundary=x" if "import" in path else JSON
    head = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n{"projects":"' if "import" in path else b'{"content": "'
    )
    content: Any = head + b"y" * LIMITS[path]
    if not is_declared:
        content = iter([content[at : at + 65_536] for at in range(0, len(content), 65_536)])
    answer = target.post(path, content, media_type)
    refused(answer, 413, "PAYLOAD_TOO_LARGE")
    assert answer.headers["connection"] == "close"
    assert target.stored() == before


@pytest.mark.parametrize("length", ["99999999999999999999999999", "2147483649"])
def test_a_declared_length_over_the_limit_is_413_at_once(target: Target, length: str) -> None:
    refused(target.post("/api/conversations", b"{}", content_length=length), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "zstd"])
def test_compressed_bodies_are_refused(target: Target, encoding: str) -> None:
    before = target.stored()
    for path in LIMITS:
        refused(target.post(path, b"\x1f\x8b" + bytes(100), content_encoding=encoding), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert target.stored() == before


def test_uploads_are_written_only_into_the_upload_folder(target: Target, tmp_path: Path) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../../tmp/evil\x1b[31m.json"\r\n\r\n{"projects": {}}\r\n--x--\r\n'
    assert target.post("/api/import/claude-data", form, "multipart/form-data; boundary=x", prefer="respond-async").status_code == 202
    [file] = target.files()
    assert file.parent == tmp_path / "blobs"
    assert file.stat().st_mode & 0o777 == 0o600
    [job] = target.http.get("/api/import/jobs").json()["items"]
    assert job["files"][0]["name"] == "evil[31m.json"


PATH = "/api/import/claude-data"
CLAUDE_JSON = b'{"projects": {}}'


def part(name: str, content: bytes, headers: bytes = b"") -> bytes:
    filename = b'; filename="c.json"' if name == "file" else b""
    return b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n%s\r\n%s\r\n' % (name.encode(), filename, headers, content)


ONE_FILE = part("file", CLAUDE_JSON)
END = b"--x--\r\n"
BAD = {
    "too many files": (ONE_FILE * (MAX_FILES + 1) + END, 400, "VALIDATION_ERROR"),
    "too many fields": (part("a", b"b") * 10_000 + ONE_FILE + END, 400, "VALIDATION_ERROR"),
    "too many headers of a part": (part("file", CLAUDE_JSON, b"X-A: b\r\n" * 10_000) + END, 400, "INVALID_FILE"),
    "a header without an end": (b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + b"a" * 1_000_000, 400, "INVALID_FILE"),
    "a header's name without an end": (b"--x\r\n" + b"a" * 1_000_000, 400, "INVALID_FILE"),
    "a preamble": (b"\r\n" * 500_000 + ONE_FILE + END, 202, ""),
    "words before the first boundary": (b"\r\nwords\r\n" + ONE_FILE + END, 400, "INVALID_FILE"),
    "an epilogue": (ONE_FILE + END + b"x" * 1_000_000, 202, ""),
    "a boundary that is nearly there": (part("file", (b"\r\n--" * 100_000) + CLAUDE_JSON) + END, 400, "UNKNOWN_PROJECT_FILE"),
    "a user of megabytes": (part("user", b"u" * 1_000_000) + ONE_FILE + END, 400, "VALIDATION_ERROR"),
    "no end": (ONE_FILE, 400, "INVALID_FILE"),
    "nothing": (END, 400, "INVALID_FILE"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_multipart_body_has_one_answer_and_leaves_nothing_or_one_job(target: Target, name: str) -> None:
    body, status, code = BAD[name]
    before = target.stored()
    answer = target.post(PATH, body, "multipart/form-data; boundary=x", prefer="respond-async")
    if status == 202:
        assert answer.status_code == 202, answer.text
        assert target.stored()["files"] == 1
    else:
        refused(answer, status, code)
        assert target.stored() == before


def test_a_body_sent_byte_by_byte_is_accepted(target: Target) -> None:
    def drops() -> Iterator[bytes]:
        for byte in part("file", CLAUDE_JSON) + END:
            yield bytes([byte])

    assert target.post(PATH, drops(), "multipart/form-data; boundary=x", prefer="respond-async").status_code == 202
    assert target.stored()["files"] == 1


@pytest.mark.parametrize("boundary", ["", "x" * 71, '""', "x; boundary=y; charset=\xff"])
def test_an_invalid_boundary_is_refused(target: Target, boundary: str) -> None:
    before = target.stored()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}".encode("latin-1")}
    answer = target.http.post(PATH, content=ONE_FILE + END, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code in (400, 415)
    assert target.stored() == before


def test_an_archive_bomb_is_accepted_without_unpacking(target: Target) -> None:
    """It is the worker that opens it; what it does then is shown in tests/unit/worker/importers/archives/test_damaged_archives.py."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("projects/p/bomb.jsonl", bytes(100_000_000))
    answer = target.post(PATH, part("file", packed.getvalue()) + END, "multipart/form-data; boundary=x", prefer="respond-async")
    assert answer.status_code == 202
    [file] = target.files()
    assert file.stat().st_size == len(packed.getvalue()) < 200_000
