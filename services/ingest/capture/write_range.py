"""`PUT /api/transcripts/{session_id}`, from request to answer: whole lines of a transcript, at an offset of the sender's file.

Sent twice, in pieces of any size, or by two senders at once, each byte is taken once and in order. A range that does not go on where the file
ends is refused with the offset that is wanted, and the sender goes on from there.
"""

from datetime import UTC, datetime
from typing import Final

from fastapi import Request, Response
from msgspec import Struct
from msgspec.structs import replace

from services.ingest.capture.capture_request import identifier, machine_of, query_of, user_of
from services.ingest.capture.wait_read import headers_when_read, range_read
from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import check_identifier
from services.ingest.events.key_binding import binding_of, other_users_machine, other_users_session
from services.ingest.events.redact_events import without_secrets
from services.ingest.events.wait import preference_in
from services.ingest.http import backend_deadline, request_checks
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import RangeAccepted
from services.ingest.journal.append_range import MAX_NEW_GENERATIONS, Appended, FileOffset
from services.ingest.postgres.admin.users import names_of
from services.ingest.postgres.capture import captured
from services.ingest.postgres.capture.captured import RangeEnd
from shared import metrics
from shared.events.messages import ENVELOPE_VERSION, UNNAMED_MACHINE, Envelope, TranscriptRange, encode_envelope
from shared.http.concurrency import slot_of
from shared.http.errors import BadRequest, Conflict, invalid
from shared.http.middleware import json_response, request_id_of
from shared.journal.streams import partition_of, stream_key, transcript_key
from shared.redaction.file_names import redacted_file_name

MAX_RANGE_BYTES: Final = 1024**2
# A line cannot be divided, and one with an image may be long.
MAX_LINE_BYTES: Final = 16 * 1024**2
MAX_FILE_NAME: Final = 300
_PARAMETERS: Final = ("file", "offset", "end", "generation", "user")
# The largest number that Redis' Lua counts exactly.
_MOST: Final = 2**53 - 1
# A line of the file may be longer than what is sent of it: the sender leaves out what is too long, and folders that are not to be sent.
MAX_FILE_LINE_BYTES: Final = 1024**3


class Range(Struct, frozen=True):
    """A range as its sender describes it. Offsets are in bytes of the file on the sender's machine. `end` None: start + the body's length."""

    session_id: str
    machine_id: str
    file_name: str
    generation: int
    start: int
    end: int | None
    user: str | None
    # The user that the API key is bound to; None: it may write any file.
    bound_user: str | None = None


def read_range(request: Request) -> Range:
    """The range that the path, the query and the headers describe. BadRequest for what is not valid, Forbidden for a key bound to projects."""
    query = query_of(request, _PARAMETERS)
    session_id = identifier(request.path_params["session_id"], "session_id")
    assert session_id is not None
    file_name = _file_name(query.get("file"))
    if ingest_of(request).settings.redact:
        file_name = redacted_file_name(file_name)
    start, end = _number(query, "offset"), _number(query, "end") if "end" in query else None
    if end is not None and end < start:
        raise invalid("end", "must not be less than offset")
    return Range(
        session_id=session_id,
        machine_id=machine_of(request_checks.headers_of(request)) or UNNAMED_MACHINE,
        file_name=file_name,
        generation=_number(query, "generation") if "generation" in query else 0,
        start=start,
        end=end,
        user=user_of(request, query),
        bound_user=binding_of(request).user,
    )


def _number(query: dict[str, str], name: str) -> int:
    value = query.get(name)
    if value is None:
        raise invalid(name, "is required")
    if not (value.isascii() and value.isdigit() and len(value) <= 16 and int(value) <= _MOST):
        raise invalid(name, f"must be a whole number from 0 to {_MOST}")
    return int(value)


def _file_name(value: str | None) -> str:
    """A name that stays inside the session's folder, wherever somebody writes it later."""
    if value is None:
        raise invalid("file", "is required: SESSION.jsonl, or a path below the session's folder, as subagents/agent-1.jsonl")
    check_identifier(value, "file")
    parts = value.split("/")
    if not value.endswith(".jsonl") or len(value) > MAX_FILE_NAME or not value.isprintable():
        raise invalid("file", f"must be the name of a .jsonl file, of at most {MAX_FILE_NAME} characters")
    if "\\" in value or ":" in value or any(part in ("", ".", "..") or part != part.strip() for part in parts):
        raise invalid("file", "must be a path below the session's folder, without .. and with / between its parts")
    return value


def check_lines(body: bytes, described: Range) -> int:
    """The end of the range. BadRequest unless the body is whole lines that fit the offsets."""
    if body and not body.endswith(b"\n"):
        raise BadRequest("The body must end with a line feed: send whole lines only.", details={"body": "the last line is not complete"})
    end = described.start + len(body) if described.end is None else described.end
    if bool(body) != (end > described.start):
        raise invalid("end", "must be more than offset if, and only if, there is a body")
    if end > described.start + len(body) + body.count(b"\n") * MAX_FILE_LINE_BYTES:
        raise invalid("end", f"is too far from offset for the lines of the body; a line of the file may have {MAX_FILE_LINE_BYTES} bytes")
    if end > _MOST:
        raise invalid("offset", f"must not lead beyond {_MOST}")
    return end


BODY: Final = AcceptedBody((b"application/x-ndjson", b"application/jsonl", b"application/octet-stream"), MAX_LINE_BYTES)

_ACCEPTED: Final = metrics.EVENTS_ACCEPTED.labels("transcript_range")


async def write_range(request: Request) -> Response:
    """200 with the offset from which the file goes on, once the range is on the journal's disk. With `Prefer: wait=N`, once it can be read."""
    ingest = ingest_of(request)
    ingest.backlog.check()
    headers = request_checks.headers_of(request)
    described = read_range(request)
    request_checks.media_type_of(headers, BODY)
    request_checks.check_declared_size(headers, BODY.max_bytes)
    body = await request_checks.read_body(request, max_bytes=BODY.max_bytes, seconds=ingest.settings.body_seconds)
    if len(body) > MAX_RANGE_BYTES and body.count(b"\n") > 1:
        raise request_checks.too_large(MAX_RANGE_BYTES)
    backend_deadline.begin()
    end = check_lines(body, described)
    appended = await _append(ingest, described, body, end, request_id_of(request))
    metrics.TRANSCRIPT_RANGES.labels(appended.state).inc()
    match appended.state:
        case "foreign":
            raise other_users_session()
        case "too_new":
            raise invalid("generation", f"must be at most {MAX_NEW_GENERATIONS} more than the file's, which is {appended.generation}")
        case "superseded":
            raise Conflict(
                f"The file has generation {appended.generation} by now; send that, or a higher one from 0.",
                code="GENERATION_SUPERSEDED",
                details={"generation": appended.generation},
            )
        case "mismatch":
            raise Conflict(
                f"The file goes on at offset {appended.offset}; send it from there.",
                code="OFFSET_MISMATCH",
                details={"offset": appended.offset, "generation": appended.generation},
            )
    slot = slot_of(request.scope)
    range_end = RangeEnd(described.session_id, described.machine_id, described.file_name, described.generation, end)
    answer_headers = await headers_when_read(slot, preference_in(headers, slot), lambda: range_read(ingest, range_end))
    is_new = appended.state == "appended"
    return json_response(RangeAccepted(offset=appended.offset, status="accepted" if is_new else "duplicate"), 200, answer_headers)


async def _append(ingest: Ingest, described: Range, body: bytes, end: int, request_id: str) -> Appended:
    """Appends what is new of the range. A part that is known is cut off, where the body's bytes are those of the file."""
    stream = stream_key(partition_of(described.session_id, ingest.settings.journal_partitions))
    file_key = transcript_key(stream, described.session_id, described.machine_id, described.file_name)
    is_as_in_file = len(body) == end - described.start
    # Bytes that are not UTF-8 become U+FFFD, as in an import. The number of lines stays.
    content = body.decode("utf-8", "replace").encode()
    if ingest.settings.redact:
        content = await without_secrets(content)
    stored: FileOffset | None = None
    only_user = described.bound_user
    while True:
        appended = await ingest.range_journal.append(
            stream,
            file_key,
            _payload(described, content, end, request_id),
            generation=described.generation,
            start=described.start,
            end=end,
            user=described.user,
            only_user=only_user,
            stored=stored,
        )
        if appended.state == "unknown":
            await ingest.tombstones.check(("session", described.session_id), ("user", described.user))
            known = await captured.stored_file(ingest.database, described.session_id, described.machine_id, described.file_name)
            stored = FileOffset(known.generation, known.stored_offset, known.session_user)
            if only_user and known.machine_user not in (None, *await names_of(ingest.database, only_user)):
                raise other_users_machine()
        elif appended.state == "foreign" and only_user and appended.user in await names_of(ingest.database, only_user):
            # The key's user under a former name.
            only_user = appended.user
        elif appended.state == "mismatch" and is_as_in_file and described.start < appended.offset:
            cut = appended.offset - described.start
            if body[cut - 1 : cut] != b"\n":
                return appended
            lines = body.count(b"\n", 0, cut)
            described, body = replace(described, start=appended.offset), body[cut:]
            content = content.split(b"\n", lines)[lines]
        else:
            if appended.state == "appended":
                _ACCEPTED.inc()
                metrics.TRANSCRIPT_BYTES.inc(end - described.start)
            return appended


def _payload(described: Range, content: bytes, end: int, request_id: str) -> bytes:
    found = TranscriptRange(
        session_id=described.session_id,
        file_name=described.file_name,
        start_offset=described.start,
        end_offset=end,
        content=content.decode(),
        machine_id=described.machine_id,
        generation=described.generation,
        user=described.user,
        bound_user=described.bound_user,
    )
    return encode_envelope(
        Envelope(version=ENVELOPE_VERSION, request_id=request_id, received_at=datetime.now(UTC), events=[], ranges=[found])
    )
