"""Targets of the worker: what is in a file, an archive or the journal. Only the documented errors, and every record can become a row."""

import gzip
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import zstandard

from services.worker.drain.entry_decoder import decode_entry
from services.worker.drain.stream_reader import Entry
from services.worker.importers.archives.archive_members import ArchiveSummary, Member, read_members
from services.worker.importers.formats.hooks import read_hook
from services.worker.importers.formats.plausible_records import plausible
from services.worker.importers.formats.read_records import read_records
from services.worker.importers.unpacking_limits import Limits
from services.worker.persist.records import FileSummary, Record, RecordError
from services.worker.persist.staging import stage_records
from shared.claude_formats.upload_kinds import Kind
from shared.events.messages import Envelope, decode_envelope, encode_envelope
from shared.journal.dead_letter_envelope import DeadLetter, decode_replay, encode_replay
from tests.fuzz import seeds
from tests.fuzz.invariants import Target, assert_storable

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
IDLE_GAP = timedelta(minutes=5)
LIMITS = Limits(entries=50, unpacked_bytes=4 * 1024**2, ratio=250, ratio_from_bytes=1024**2, directory_bytes=1024**2)
_FILE_WORDS = (
    *(f'"{word}"'.encode() for word in ("type", "user", "assistant", "message", "content", "text", "tool_use", "tool_result", "usage")),
    *(f'"{word}"'.encode() for word in ("uuid", "parentUuid", "sessionId", "timestamp", "cwd", "toolUseResult", "summary", "isSidechain")),
    *(b'"2026-01-01T00:00:00.000Z"', b"\\u0000", b"\\ud800", b"1e999", b"-1", b"99999999999999999999", b"\n", b"[[[[[[[["),
)
_LONG_NUMBER = re.compile(rb"\d{19}")
_HOOK_WORDS = tuple(
    f'"{word}"'.encode()
    for word in (
        "hook_event_name",
        "session_id",
        "tool_input",
        "tool_response",
        "structuredPatch",
        "tool_use_id",
        "PostToolUse",
        "PostToolBatch",
    )
)


def _records(data: bytes, kind: Kind) -> list[Any]:
    return list(read_records(io.BytesIO(data), kind, "ann", IDLE_GAP, NOW))


def _file(kind: Kind) -> Any:
    def check(data: bytes) -> None:
        found = _records(data, kind)
        assert isinstance(found[-1], FileSummary)
        for one in found[:-1]:
            assert not isinstance(one, FileSummary)
            assert_storable(one)
            if not isinstance(one, RecordError):
                _check_record(one)
        assert found == _records(data, kind), "the same bytes give the same records"

    return check


def _check_record(record: Record) -> None:
    """It can be a row; and as a dead letter it is replayed as what it was."""
    assert isinstance(record.id, UUID)
    for _, row in stage_records.rows_of(record, NOW):
        for value in row:
            if isinstance(value, str):
                assert "\0" not in value
                value.encode()
    letter = DeadLetter(
        journal_entry_id="import:1", event_id=record.id, kind=type(record).__name__, received_at=NOW, payload=msgspec.json.encode(record)
    )
    decoded = decode_entry(Entry("journal:{0}", "1-1", encode_replay(letter)))
    assert decoded.reason is None, decoded.reason
    assert decoded.events[0].event == record


def hook(data: bytes) -> None:
    """A payload of a hook gives records that can be rows, or one error."""
    if _LONG_NUMBER.search(data):
        # JSON in Postgres has numbers of any length, so parameters keep them.
        return

    def records() -> list[Any]:
        return list(plausible(read_hook(data, NOW, user="ann"), NOW))

    found = records()
    for one in found:
        assert_storable(one)
        if not isinstance(one, RecordError):
            _check_record(one)
    assert found == records(), "the same bytes give the same records"


def archive(data: bytes) -> None:
    """The first byte says which kind, and whether the rest is to be packed: what is in a packed archive is hardly ever hit by chance."""
    if not data:
        return
    kinds: tuple[Kind, ...] = ("zip", "tar", "tar_gz", "tar_zst")
    kind, packed = kinds[data[0] % 4], data[1:]
    if data[0] & 0x10 and kind == "tar_gz":
        packed = gzip.compress(packed, 1)
    if data[0] & 0x10 and kind == "tar_zst":
        packed = zstandard.compress(packed, 1)
    found = list(_members(packed, kind))
    assert isinstance(found[-1], ArchiveSummary)
    assert sum(isinstance(one, ArchiveSummary) for one in found) == 1


def _members(packed: bytes, kind: Kind) -> Any:
    for one in read_members(cast(Any, io.BytesIO(packed)), kind, limits=LIMITS):
        if isinstance(one, Member):
            assert_storable(one.name)
            assert one.name.isprintable()
            try:
                while one.file.read(4096):
                    pass
            except OSError as error:
                str(error).encode()
        else:
            assert_storable(one)
        yield one


def journal(data: bytes) -> None:
    """Anything may be in the journal: it is decoded or has a reason, and a replay of it is decoded to the same."""
    try:
        envelope = decode_envelope(data)
    except (ValueError, RecursionError):
        envelope = None
    decoded = decode_entry(Entry("journal:{0}", "1-1", data))
    assert (decoded.reason is None) or not decoded.events
    if envelope is not None and not decoded.is_replay:
        assert decoded.reason is None or any(event.id is None for event in envelope.events)
        assert decode_envelope(encode_envelope(envelope)) == envelope
    if not decoded.is_replay:
        replay = encode_replay(decoded.dead_letter)
        assert decode_replay(replay) == decoded.dead_letter
        again = decode_entry(Entry("journal:{0}", "2-2", replay))
        assert (again.dead_letter, again.events, again.reason, again.is_replay) == (
            decoded.dead_letter,
            decoded.events,
            decoded.reason,
            True,
        )


def _journal_seeds() -> list[bytes]:
    events = [
        f'{{"version":1,"request_id":"r","received_at":"2026-01-01T00:00:00Z","events":[{event.decode()}]}}'.encode()
        for event in seeds.events()
    ]
    letter = DeadLetter(journal_entry_id="1-1", kind="conversation", payload=seeds.events()[2])
    whole = DeadLetter(journal_entry_id="1-1", kind="journal_entry", payload=events[0])
    empty = encode_envelope(Envelope(version=1, request_id="r", received_at=NOW, events=[]))
    return [*events, empty, encode_replay(letter), encode_replay(whole)]


def _archive_seeds() -> list[bytes]:
    kinds = ("zip", "tar", "tar_gz", "tar_zst")
    whole = [bytes([kinds.index(kind)]) + packed for kind, packed in seeds.archives().items()]
    unpacked = [bytes([0x10 | kinds.index(kind)]) + seeds.archives()["tar"] for kind in ("tar_gz", "tar_zst")]
    zipped = seeds.archives()["zip"]
    # Without its list, so that its members are looked for.
    return [*whole, *unpacked, b"\0" + zipped[: zipped.rfind(b"PK\x01\x02")], b"\0" + zipped[:-30]]


TARGETS = {
    "transcript": Target(_file("transcript"), seeds.transcripts, _FILE_WORDS, 8192),
    "history": Target(_file("history"), seeds.history, (*_FILE_WORDS, b'"display"', b'"project"', b'"pastedContents"')),
    "claude-json": Target(
        _file("claude_json"),
        seeds.claude_json,
        (
            *_FILE_WORDS,
            b'"projects"',
            b'"history"',
            b'"display"',
            b'"lastSessionId"',
            b'"lastCost"',
            b'"lastModelUsage"',
            b'"outputTokens"',
        ),
        8192,
    ),
    "sessions-index": Target(_file("sessions_index"), seeds.sessions_index, (*_FILE_WORDS, b'"entries"', b'"firstPrompt"', b'"created"')),
    "hook": Target(hook, seeds.hooks, (*_FILE_WORDS, *_HOOK_WORDS)),
    "archive": Target(
        archive, _archive_seeds, (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"ustar\x0000"), 20_000
    ),
    "journal": Target(journal, _journal_seeds, (*seeds.EVENT_WORDS, b'{"dead_letter":', b'"events"', b'"version"', b'"payload"')),
}
