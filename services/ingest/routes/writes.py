"""The writes: each route calls one function that goes from request to answer."""

from fastapi import APIRouter, Request, Response

from services.ingest.events import write_batch, write_session
from services.ingest.events.write_event import write_event
from services.ingest.http import route_documents
from services.ingest.http.responses import BatchAccepted, EventAccepted, ImportAnswer, SessionEnded, SessionStarted
from services.ingest.imports import start_import
from shared.auth.scopes import INGEST, requires
from shared.events.messages import Activity, Conversation, SessionEnd, SessionStart, ToolCall

writes = APIRouter(tags=["writes"])


@writes.post(
    "/api/conversations", status_code=201, summary="Add a message", **route_documents.single_write(Conversation, EventAccepted, 201)
)
@requires(INGEST)
async def add_conversation(request: Request) -> Response:
    """Stores a message of a person or of Claude."""
    return await write_event(request, Conversation)


@writes.post("/api/activities", status_code=201, summary="Add a file change", **route_documents.single_write(Activity, EventAccepted, 201))
@requires(INGEST)
async def add_activity(request: Request) -> Response:
    """Stores that a file was created, modified or deleted."""
    return await write_event(request, Activity)


@writes.post("/api/tool-calls", status_code=201, summary="Add a tool call", **route_documents.single_write(ToolCall, EventAccepted, 201))
@requires(INGEST)
async def add_tool_call(request: Request) -> Response:
    """Stores a tool call. If it names no session, it belongs to the only open one, if exactly one is open."""
    return await write_event(request, ToolCall)


@writes.post(
    "/api/sessions/start",
    status_code=201,
    summary="Start or continue a session",
    **route_documents.single_write(SessionStart, SessionStarted, 201, can_miss=False),
)
@requires(INGEST)
async def start_session(request: Request) -> Response:
    """Starts or continues a session. Project and session exist when this answers."""
    return await write_session.start_session(request)


@writes.post("/api/sessions/end", summary="End a session", **route_documents.single_write(SessionEnd, SessionEnded, 200))
@requires(INGEST)
async def end_session(request: Request) -> Response:
    """Ends a session. If there are several ends, the latest counts."""
    return await write_session.end_session(request)


@writes.post("/api/events", summary="Add many events", **route_documents.batch_write(BatchAccepted))
@requires(INGEST)
async def add_events(request: Request) -> Response:
    """Stores up to 10,000 events, as a JSON array or NDJSON. Bad items are rejected one by one; the others are stored."""
    return await write_batch.write_batch(request)


@writes.post("/api/import/claude-data", summary="Import Claude Code's files", **route_documents.import_write(ImportAnswer))
@requires(INGEST)
async def import_claude_data(request: Request) -> Response:
    """Imports files of Claude Code as a background job, and waits up to 10 s for it."""
    return await start_import.import_files(request)
