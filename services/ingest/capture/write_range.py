"""`PUT /api/transcripts/{session_id}`, from request to answer: whole lines of a transcript, at an offset of the sender's file.

Sent twice, in pieces of any size, or by two senders at once, each byte is taken once and in order. A range that does not go on where the file
ends is refused with the offset that is wanted, and the sender goes on from there.
"""

from datetime import UTC, datetime
from typing import Final

from fastapi import Request, Response
from msgspec.structs import replace

from services.ingest.capture.range_request import MAX_LINE_BYTES, MAX_RANGE_BYTES, Range, check_lines, read_range
from services.ingest.capture.redact_lines import without_secrets
from services.ingest.capture.wait_read import headers_when_read, range_read
from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.key_binding import other_users_machine, other_users_session
from services.ingest.events.wait import preference_in
from services.ingest.http import backend_deadline, request_checks
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import RangeAccepted
from services.ingest.journal.append_range import MAX_NEW_GENERATIONS, Appended, FileOffset
from services.ingest.postgres.admin.users import names_of
from services.ingest.postgres.capture import transcript_files
from services.ingest.postgres.capture.captured import RangeEnd
from shared import metrics
from shared.events.messages import ENVELOPE_VERSION, Envelope, TranscriptRange, encode_envelope
from shared.http.concurrency import slot_of
from shared.http.errors import Conflict, invalid
from shared.http.middleware import json_response, request_id_of
from shared.journal.streams import partition_of, stream_key, transcript_key

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
            known = await transcript_files.stored_file(ingest.database, described.session_id, described.machine_id, described.file_name)
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
