"""Hostile multipart bodies, and archives that are larger inside than outside."""

import io
import zipfile
from collections.abc import Iterator

import pytest

from services.ingest.imports.uploads import MAX_FILES
from tests.integration.attacks.conftest import Target, refused

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
