"""Transcripts as Claude Code wrote them, but without their secrets: the files of a session, and the content of one as a stream."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from services.query.answers.answer import Answer
from services.query.answers.fields import doc
from services.query.database import Connection, Database
from services.query.http.parameters import FAILURES, RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import MAX_BIGINT, Absent, OptionalText, SessionId, Text, text_of
from services.query.queries.lists import sessions
from services.query.queries.lists.transcripts import StoredFile, transcript_files, version_of
from services.query.routes.sessions import no_session
from shared.archive.stored_pieces import ContentDamaged, ContentMissing, next_pieces, read_piece
from shared.auth.authentication import grant_of
from shared.auth.keys import Grant
from shared.auth.scopes import READ, requires
from shared.blobs.contents import ContentStore
from shared.blobs.store import BlobStoreError
from shared.http.errors import Gone, NotFound, Unavailable
from shared.http.path_segments import named_in_one_segment


class TranscriptFile(Answer):
    file: Annotated[str, doc("`<session>.jsonl`, or a path below the session's folder.", examples=["subagents/agent-a1b2c3.jsonl"])]
    machine: Annotated[str, doc("The id of the machine that it was captured on; empty if it was imported.")]
    generation: Annotated[int, doc("Grows when a file is rewritten on its machine.")]
    user: str | None
    bytes: Annotated[int, doc("Length of the stored content, without its secrets.")]
    changed_at: Annotated[datetime, doc("When its content last arrived.")]
    is_newest: Annotated[bool, doc("Whether this is the version that `…/transcript` gives if it is asked for the file alone.")]


class TranscriptFiles(Answer):
    items: list[TranscriptFile]


class TranscriptParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: Annotated[
        OptionalText,
        text_of(
            "A file of the session as `…/transcript/files` names it, for example a subagent's. Without it: the session's own.",
            1000,
            examples=["subagents/agent-a1b2c3.jsonl"],
        ),
    ] = None
    machine: Annotated[
        Text | None,
        Absent(),
        Field(max_length=64, description="The version of this machine; empty: an imported one. Without it: the newest of all."),
    ] = None
    generation: Annotated[
        int | None, Absent(), Field(ge=0, le=MAX_BIGINT, description="This generation. Without it: the newest that fits.")
    ] = None


router = APIRouter(tags=["sessions"])

_MEDIA_TYPE = "application/x-ndjson"
_RESPONSES = FAILURES | {
    200: {
        "description": "One JSON object a line.",
        "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}},
        "headers": {"ETag": {"description": "Changes with the content.", "schema": {"type": "string"}}},
    },
    304: {"description": "`If-None-Match` names the content's ETag."},
    410: {},
}


@router.get(
    "/api/sessions/{session_id:path}/transcript/files",
    response_model=TranscriptFiles,
    responses=RESPONSES,
    summary="The stored files of a session's transcript",
    dependencies=[Depends(named_in_one_segment), Depends(refuse_parameters)],
)
@requires(READ)
def list_transcript_files(request: Request, session_id: SessionId) -> Response:
    """Its own transcript and its subagents'. A file that came from several machines, or was rewritten, has several versions."""

    def read(connection: Connection) -> TranscriptFiles:
        return TranscriptFiles([_shown(each) for each in _files(request, connection, session_id)])

    return read_response(request, read, from_primary=True)


@router.get(
    "/api/sessions/{session_id:path}/transcript",
    response_class=Response,
    responses=_RESPONSES,
    summary="A session's transcript, as JSONL",
    dependencies=[Depends(named_in_one_segment)],
)
@requires(READ)
def show_transcript(request: Request, session_id: SessionId, parameters: Annotated[TranscriptParameters, Query()]) -> Response:
    """Byte for byte as Claude Code wrote it, but for its secrets. A stream; it is complete if it has `Content-Length` bytes."""
    database: Database = request.app.state.database
    grant = grant_of(request.scope)
    name = parameters.file or f"{session_id}.jsonl"
    with database.connection(grant, from_primary=True) as connection:
        files = _files(request, connection, session_id)
    found = version_of(files, name, parameters.machine, parameters.generation)
    if found is None:
        raise _no_transcript("No such version of the file is stored; …/transcript/files lists those that are.", name)
    headers = {
        "ETag": f'"{found.id}-{found.content_hash or 0}-{found.end_offset}"',
        "Content-Length": str(found.bytes),
        "X-Transcript-File": name.encode("ascii", "replace").decode(),
        "X-Transcript-Machine": found.machine,
        "X-Transcript-Generation": str(found.generation),
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    if request.scope.get("is_head"):
        return Response(headers=headers, media_type=_MEDIA_TYPE)
    content = _first_bytes(archived_content(database, grant, request.app.state.archive, found.id), found.bytes)
    # Read before the answer begins, so that a failure has its status.
    with archive_failures():
        first = next(content, b"")
    return StreamingResponse(chain([first], content), headers=headers, media_type=_MEDIA_TYPE)


def _shown(file: StoredFile) -> TranscriptFile:
    return TranscriptFile(file.file, file.machine, file.generation, file.user, file.bytes, file.changed_at, file.is_newest)


def _files(request: Request, connection: Connection, session_id: str) -> list[StoredFile]:
    files = transcript_files(connection, session_id)
    if not files:
        if not sessions.session_exists(connection, session_id):
            raise no_session(request)
        if (dropped_at := sessions.texts_dropped_at(connection, session_id)) is not None:
            raise texts_dropped(dropped_at)
        raise _no_transcript(
            "No transcript of this session is stored: none was captured or imported, the archive is off, or its days are over.", session_id
        )
    return files


def texts_dropped(dropped_at: datetime) -> Gone:
    """The error for a session whose texts retention has dropped."""
    return Gone(
        f"The texts of this session were dropped on {dropped_at:%Y-%m-%d}, since they were older than texts are kept. Its numbers are still there.",
        code="TEXTS_DROPPED",
    )


def archived_content(database: Database, grant: Grant | None, archive: ContentStore, file_id: int) -> Iterator[bytes]:
    """Whole lines of a stored file, a piece at a time. Holds a connection only while it looks for the next: a slow client must not keep one."""
    position = 0
    while True:
        with database.connection(grant, from_primary=True) as connection:
            stored = next_pieces(connection, file_id, position)
        if not stored:
            return
        for piece in stored:
            if content := read_piece(archive, piece)[position - piece.position :]:
                position += len(content)
                yield content


@contextmanager
def archive_failures() -> Iterator[None]:
    """A 410 for content that the archive has lost or damaged, a 503 if it cannot be read now."""
    try:
        yield
    except ContentDamaged:
        raise Gone(
            "A part of this transcript is damaged in the archive; restore it from a backup, or import it again.", code="TRANSCRIPT_DAMAGED"
        ) from None
    except ContentMissing:
        raise Gone("The archive has lost the content of this transcript; restore it from a backup, or import it again.") from None
    except BlobStoreError as error:
        raise Unavailable(f"The archive cannot be read now: {error}", code="ARCHIVE_UNAVAILABLE", retry_after_seconds=5) from error


def _first_bytes(content: Iterator[bytes], size: int) -> Iterator[bytes]:
    while size:
        piece = next(content, b"")[:size]
        if not piece:
            raise ContentMissing("The content was deleted while it was read.")
        size -= len(piece)
        yield piece


def _no_transcript(message: str, name: str) -> NotFound:
    return NotFound(message, code="TRANSCRIPT_NOT_FOUND", details={"transcript": f"{name} is not stored"})
