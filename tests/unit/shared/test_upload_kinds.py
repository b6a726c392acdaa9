"""A file's kind is detected by its first bytes, wherever they are cut."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.claude_formats.upload_kinds import HEAD_BYTES, kind_of_head


def tar_of(content: bytes, format: int = tarfile.PAX_FORMAT) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=format) as tar:
        member = tarfile.TarInfo("a")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def empty_zip() -> bytes:
    archive = io.BytesIO()
    zipfile.ZipFile(archive, "w").close()
    return archive.getvalue()


ROW = {"parentUuid": None, "sessionId": "s", "type": "user", "message": {"content": "x" * 200}, "uuid": "u"}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (json.dumps(ROW).encode() + b"\n", "transcript"),
        (b"\xef\xbb\xbf" + json.dumps(ROW).encode(), "transcript"),
        (b"// Source: a gist\n\n" + json.dumps(ROW).encode(), "transcript"),
        (b"garbage\n" + json.dumps(ROW).encode(), "transcript"),
        (json.dumps(ROW | {"message": "y" * HEAD_BYTES}).encode(), "transcript"),
        (b'{"type":"summary","summary":"x","leafUuid":"u"}\n', "transcript"),
        (b'{"type":"file-history-snapshot","messageId":"m"}\n' + json.dumps(ROW).encode(), "transcript"),
        (b'{"type":"from-the-future","sessionId":"s"}\n', "transcript"),
        (b'{"display":"hi","pastedContents":{},"timestamp":1,"project":"/p"}\n', "history"),
        (b'{"display":"hi","pastedContents":{"1":{"content":"' + b"y" * HEAD_BYTES, "history"),
        (b'{"version": 1,\n "entries": [\n {"sessionId": "s"}]}', "sessions_index"),
        (b'{"numStartups": 3, "projects": {}}', "claude_json"),
        (b'{\n  "theme": "dark",\n  "numStartups": 3,\n  "projects": {', "claude_json"),
        (b'{\n  "claudeAiOauth": {\n', "credentials"),
        (b'{"claudeAiOauth":{"accessToken":"x"}}', "credentials"),
        (empty_zip(), "zip"),
        (tar_of(b"x"), "tar"),
        (tar_of(b"x", tarfile.GNU_FORMAT), "tar"),
        (gzip.compress(tar_of(b"x"), mtime=0), "tar_gz"),
        (b"\x28\xb5\x2f\xfd\x00", "tar_zst"),
    ],
)
def test_every_kind_is_detected(content: bytes, kind: str) -> None:
    assert kind_of_head(content[:HEAD_BYTES]).kind == kind


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n\n", "is nothing"),
        (b"hello", "is nothing"),
        (b"[1, 2]", "is nothing"),
        (b'{"sessions": []}', "is nothing"),
        (b'{"name": "left-pad"}', "is nothing"),
        (gzip.compress(b"hello", mtime=0), "no archive"),
        (b"\x1f\x8b", "no archive"),
        ('{"projects": {}}'.encode("utf-16"), "UTF-16"),
        (b'{"timestamp":"x","type":"session_meta","payload":{}}\n', "Codex"),
        (b'{"sessionId":"s","projectHash":"h","messages":[]}', "Gemini"),
        (b'{"type":"system","subtype":"init","session_id":"s"}\n', "stream-json"),
    ],
)
def test_an_unknown_file_is_reported_with_its_likely_kind(content: bytes, problem: str) -> None:
    seen = kind_of_head(content)
    assert seen.kind == "unknown"
    assert problem in seen.problem


@given(
    st.binary(max_size=600)
    | st.builds(lambda n: tar_of(b"x")[:n], st.integers(0, 1024))
    | st.builds(lambda n: json.dumps(ROW).encode()[:n], st.integers(0, 300))
)
def test_detection_accepts_any_bytes(head: bytes) -> None:
    assert kind_of_head(head).kind


def test_detection_stops_at_an_overlong_utf8_character() -> None:
    assert kind_of_head(b'{"numStartups": 1,\n "\xc0\x8e": 2}').kind == "claude_json"
    assert kind_of_head(b'{"\xc0\x8e": 2,\n "numStartups": 1}').kind == "unknown"
