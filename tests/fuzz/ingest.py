"""Targets of the ingest service: what a client sends. Only ApiErrors may come of it, and what is let through is storable."""

import asyncio
import io
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from services.ingest.events.decode import decode_batch, decode_event
from services.ingest.events.idempotency_keys import read_key
from services.ingest.events.redact_events import redact
from services.ingest.events.wait import MAX_WAIT_SECONDS, read_preference
from services.ingest.http import json_limits
from services.ingest.imports import uploads
from services.ingest.imports.uploads import Upload, _Reader
from shared.blobs.folder import FolderStore
from shared.claude_formats.upload_kinds import kind_of_head
from shared.events.event_kinds import KINDS
from shared.events.messages import Envelope, Event, decode_envelope, encode_envelope
from shared.http.errors import ApiError
from tests.fuzz import seeds
from tests.fuzz.invariants import Target, assert_storable, depth_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STRUCTS = tuple(KINDS)
BOUNDARY = b"b"


def check_event(event: Event) -> None:
    """It is storable, and the journal gives it back as it was."""
    assert_storable(event)
    envelope = Envelope(version=1, request_id="r", received_at=NOW, events=[event])
    assert decode_envelope(encode_envelope(envelope)) == envelope


def json_body(data: bytes) -> None:
    """A body that passes the checks is JSON within the limits."""
    try:
        json_limits.check_text(data)
        text = json_limits.storable(data)
        value = msgspec.json.decode(text)
        json_limits.check_depth(text)
        json_limits.check_numbers(text)
    except (ApiError, msgspec.DecodeError, RecursionError, ValueError) as error:
        assert not isinstance(error, UnicodeError), "what is no UTF-8 is an ApiError"
        return
    assert_storable(value)
    assert depth_of(value) <= json_limits.MAX_DEPTH
    assert json_limits.storable(text) == text


def event(data: bytes) -> None:
    """One event of the kind that the first byte chooses."""
    struct = STRUCTS[data[0] % len(STRUCTS)] if data else STRUCTS[0]
    try:
        found: Event = decode_event(data[1:], struct, NOW)
        redact([found])
    except ApiError as error:
        assert error.status in (400, 413)
        error.message.encode()
        return
    check_event(found)


def batch(data: bytes) -> None:
    """Every item is an event or has its own error."""
    try:
        batch = decode_batch(data[1:], data[:1] < b"\x80", NOW)
    except ApiError:
        return
    assert len(batch.items) == len(batch.events)
    for event in batch.events:
        if not isinstance(event, ApiError):
            redact([event])
            check_event(event)


def headers(data: bytes) -> None:
    """Prefer and Idempotency-Key."""
    preference = read_preference(data)
    assert preference.wait_seconds is None or 0 <= preference.wait_seconds <= MAX_WAIT_SECONDS
    try:
        key = read_key(data)
    except ApiError:
        return
    assert key is None or 1 <= len(key) <= 255


def kind(data: bytes) -> None:
    """A file's kind, by its head and as a stored upload."""
    seen = kind_of_head(data)
    try:
        found = uploads.kind_of(io.BytesIO(data), "name")
    except ApiError as error:
        assert error.code in ("INVALID_FILE", "UNKNOWN_PROJECT_FILE")
        return
    assert seen.kind in (found, "unknown", "claude_json")
    assert found not in ("unknown", "credentials")


def multipart(data: bytes) -> None:
    """However it is cut into chunks, a body is the same files and user, or a 400."""
    assert _upload([data]) == _upload([data[:7], data[7:50], data[50:]])


def _upload(chunks: list[bytes]) -> object:
    reader = _Reader(BOUNDARY, FolderStore(_folder().as_uri()))
    try:
        for chunk in chunks:
            _loop().run_until_complete(reader.write(chunk))
        reader.finish()
        _check_upload(reader.upload)
        contents = []
        for file in reader.upload.files:
            _loop().run_until_complete(file.blob.close())
            with file.blob.open() as content:
                contents.append((file.name, content.read()))
        return contents, reader.upload.user
    except ApiError as error:
        assert error.status == 400
        return error.status
    finally:
        _loop().run_until_complete(reader.upload.remove())


def _check_upload(upload: Upload) -> None:
    assert_storable(upload.user)
    for file in upload.files:
        assert_storable(file.name)
        assert file.name.isprintable()
        assert "/" not in file.name


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _folder() -> Path:
    """In memory, where there is such a folder; emptied by the operating system's own means when the machine ends."""
    memory = Path("/dev/shm")
    base = memory if memory.is_dir() else Path(tempfile.gettempdir())
    folder = base / "tracker-fuzz"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _parts() -> list[bytes]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a/b.jsonl"\r\nContent-Type: text/plain\r\n\r\n'
    user = b'--b\r\nContent-Disposition: form-data; name="user"\r\n\r\nann\r\n'
    return [user + head + b"{}\r\n--b--\r\n", head + b"\r\n--b--", user + b"--b--\r\n"]


TARGETS = {
    "json": Target(json_body, lambda: [*seeds.events(), *seeds.batches()], seeds.EVENT_WORDS),
    "event": Target(event, lambda: [bytes([n]) + body for n, body in enumerate(seeds.events())], seeds.EVENT_WORDS),
    "batch": Target(batch, lambda: [side + body for body in seeds.batches() for side in (b"\0", b"\xff")], seeds.EVENT_WORDS),
    "headers": Target(headers, lambda: [b"wait=5", b"respond-async", b'foo, wait = "30";x', b"key-1"], (b"wait=", b"respond-async"), 300),
    "kind": Target(
        kind,
        lambda: [*seeds.archives().values(), *seeds.claude_json(), *seeds.history(), *seeds.transcripts(), *seeds.sessions_index()],
        (
            b'"claudeAiOauth"',
            b'"projects"',
            b'"sessionId"',
            b'"type"',
            b'"display"',
            b'"entries"',
            b"PK\x03\x04",
            b"\x1f\x8b",
            b"\x28\xb5\x2f\xfd",
        ),
        8192,
    ),
    "multipart": Target(multipart, _parts, (b"--b", b"--b--", b"\r\n", b"Content-Disposition: form-data", b'name="file"', b'name="user"')),
}
