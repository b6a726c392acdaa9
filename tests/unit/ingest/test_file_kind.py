"""An upload's kind is detected by content, never by name."""

import io

import pytest

from services.ingest.imports.uploads import kind_of
from shared.http.errors import BadRequest


@pytest.mark.parametrize(
    "content",
    [
        b'{"projects": {}}',
        b'\xef\xbb\xbf{"numStartups": 3}',
        b' \n{"unheardOf": {"projects": 1, "deep": [[[{}]]]}, "userID": "x"}',
        b'{"projects": {"/p": {"history": [{"display": "what is \\"claudeAiOauth\\"?"}]}}}',
        b'{"projects": {"claudeAiOauth": null}}',
        b'{"projects": {"/cut off in the mid',
    ],
)
def test_a_claude_json_is_detected_by_its_top_level_keys(content: bytes) -> None:
    assert kind_of(io.BytesIO(content), "some.txt") == "claude_json"


@pytest.mark.parametrize(
    "content",
    [
        b'{"claudeAiOauth": {"accessToken": "sk-ant-secret"}}',
        b'\xef\xbb\xbf{"projects": {}, "claudeAiOauth": {"accessToken": "sk-ant-secret"}}',
    ],
)
def test_a_credentials_file_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(BadRequest, match="claudeAiOauth") as refused:
        kind_of(io.BytesIO(content), "credentials.json")
    assert refused.value.code == "INVALID_FILE"
    assert "sk-ant-secret" not in str(refused.value.body())


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"[1]", b"hello", b'{"name": "left-pad"}', b"PK\x03", b"\x00" * 100, b"[" * 100_000, b"9" * 5000, b"\xff\xfe{"],
)
def test_an_unknown_file_is_refused_with_the_expected_kinds(content: bytes) -> None:
    with pytest.raises(BadRequest, match=r"claude\.json") as refused:
        kind_of(io.BytesIO(content), "x")
    assert refused.value.code == "UNKNOWN_PROJECT_FILE"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"type":"user","sessionId":"s","message":{}}\n', "transcript"),
        (b'{"display":"hi","timestamp":1,"project":"/p"}\n', "history"),
        (b'{"version":1,"entries":[]}', "sessions_index"),
        (b"PK\x03\x04", "zip"),
    ],
)
def test_every_importable_kind_is_detected(content: bytes, kind: str) -> None:
    assert kind_of(io.BytesIO(content), "some.txt") == kind


def test_a_refusal_names_the_likely_kind_of_the_file() -> None:
    with pytest.raises(BadRequest, match=r"log of Codex.*\.jsonl.*\.zip") as refused:
        kind_of(io.BytesIO(b'{"timestamp":"x","type":"session_meta","payload":{}}\n'), "rollout.jsonl")
    assert refused.value.code == "UNKNOWN_PROJECT_FILE"


def test_credentials_after_megabytes_of_other_content_are_found() -> None:
    content = b'{"projects": {"/p": "' + b"x" * 3_000_000 + b'"}, "claudeAiOauth": {"accessToken": "sk-ant-secret"}}'
    with pytest.raises(BadRequest, match="claudeAiOauth"):
        kind_of(io.BytesIO(content), "x")


def test_an_empty_file_is_reported_as_empty() -> None:
    with pytest.raises(BadRequest, match="is empty"):
        kind_of(io.BytesIO(b""), "x")
