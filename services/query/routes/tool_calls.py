"""One tool call, and all that it gave back, which is read from the archive."""

from collections.abc import Iterator
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from services.query.answers.tool_calls import ToolCallDetails
from services.query.database import Connection, Database
from services.query.http.parameters import FAILURES, RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import CallId
from services.query.queries.lists.sessions import texts_dropped_at
from services.query.queries.lists.tool_call import WhereResult, tool_call, where_result
from services.query.queries.lists.transcripts import transcript_files
from services.query.routes.transcripts import archive_failures, archived_content, texts_dropped
from shared.auth.authentication import grant_of
from shared.auth.keys import Grant
from shared.auth.scopes import READ, requires
from shared.blobs.contents import ContentStore
from shared.claude_formats.tool_results import ResultText, result_in
from shared.http.errors import NotFound, existing

router = APIRouter(tags=["tool calls"])

_MEDIA_TYPE = "text/plain; charset=utf-8"
# Sent at a time, in characters.
_CHUNK = 65_536
_RESPONSES = FAILURES | {
    200: {"description": "The text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    410: {},
}


@router.get(
    "/api/tool-calls/{call_id}",
    response_model=ToolCallDetails,
    responses=RESPONSES,
    summary="One tool call, whole",
    dependencies=[Depends(refuse_parameters)],
)
@requires(READ)
def show_tool_call(request: Request, call_id: CallId) -> Response:
    """With its parameters, what it gave back, and the files that it changed with their diffs."""
    missing = _no_call()
    return read_response(request, lambda connection: existing(tool_call(connection, call_id), missing))


@router.get(
    "/api/tool-calls/{call_id}/result",
    response_class=Response,
    responses=_RESPONSES,
    summary="All that a tool call gave back, as text",
    dependencies=[Depends(refuse_parameters)],
)
@requires(READ)
def show_tool_result(request: Request, call_id: CallId) -> Response:
    """A result too long to be stored beside the call is read from the session's transcripts in the archive. It is redacted, as they are."""
    database: Database = request.app.state.database
    grant = grant_of(request.scope)
    with database.connection(grant, from_primary=True) as connection:
        where = where_result(connection, call_id)
        if where is None:
            raise _no_call()
        files = [] if where.text is not None else _files(connection, where)
        dropped_at = texts_dropped_at(connection, where.session_id) if where.text is None and where.session_id is not None else None
    text = where.text
    if text is None:
        found = _search(database, grant, request.app.state.archive, files, call_id)
        if found is None:
            raise _not_stored() if dropped_at is None else texts_dropped(dropped_at)
        text = found.text
    headers = {"Content-Length": str(len(text.encode())), "X-Content-Type-Options": "nosniff"}
    if request.scope.get("is_head"):
        return Response(headers=headers, media_type=_MEDIA_TYPE)
    return StreamingResponse(_chunks(text), headers=headers, media_type=_MEDIA_TYPE)


def _files(connection: Connection, where: WhereResult) -> list[int]:
    """The stored files of the session: the newest versions first, of these the file of the call's agent."""
    if where.session_id is None:
        return []
    stored = transcript_files(connection, where.session_id)
    own = f"agent-{where.agent_id}.jsonl"
    stored.sort(key=lambda each: (not each.is_newest, where.agent_id is not None and not each.file.endswith(own)))
    return [each.id for each in stored]


def _search(database: Database, grant: Grant | None, archive: ContentStore, files: list[int], call_id: UUID) -> ResultText | None:
    with archive_failures():
        for file_id in files:
            for content in archived_content(database, grant, archive, file_id):
                if (found := result_in(content, call_id)) is not None:
                    return found
    return None


def _chunks(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), _CHUNK):
        yield text[start : start + _CHUNK].encode()


def _no_call() -> NotFound:
    return NotFound("There is no tool call of this id; see /api/tool-calls.", code="TOOL_CALL_NOT_FOUND", details={"call_id": "not known"})


def _not_stored() -> NotFound:
    return NotFound(
        "All of this result is not stored: no transcript in the archive has it. /api/tool-calls/{id} shows what is kept of it.",
        code="RESULT_NOT_STORED",
        details={"call_id": "its whole result is not stored"},
    )
