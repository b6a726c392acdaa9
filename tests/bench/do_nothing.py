"""The yardstick of a durable accept: FastAPI endpoints that validate the same bodies with Pydantic, and do nothing."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Usage(BaseModel):
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    cache_read_input_tokens: Count = 0


class Conversation(BaseModel):
    session_id: Name
    content: Annotated[str, Field(max_length=1_048_576)]
    role: Literal["user", "assistant"]
    timestamp: datetime | None = None
    model: Name | None = None
    usage: Usage | None = None
    source: Name | None = None
    id: UUID | None = None


class ToolCall(BaseModel):
    tool_name: Name
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"]
    parameters: dict[str, Any] | None = None
    execution_time_ms: Count | None = None
    timestamp: datetime | None = None
    session_id: Name | None = None
    user: Name | None = None
    source: Name | None = None
    id: UUID | None = None


class Hook(BaseModel):
    model_config = ConfigDict(extra="allow")

    session_id: Name
    hook_event_name: str
    tool_name: str | None = None
    tool_input: dict[str, Any] | None = None
    tool_use_id: str | None = None


def create_app() -> FastAPI:
    """Answers like ingest, keeps nothing."""
    app = FastAPI()

    @app.post("/api/tool-calls", status_code=201)
    async def tool_call(body: ToolCall) -> dict[str, Any]:
        return {"id": body.id or uuid4(), "session_id": body.session_id, "status": "queued"}

    @app.post("/api/conversations", status_code=201)
    async def conversation(body: Conversation) -> dict[str, Any]:
        return {"id": body.id or uuid4(), "session_id": body.session_id, "status": "queued"}

    @app.post("/api/hooks", status_code=204)
    async def hook(body: Hook) -> None:
        return None

    @app.put("/api/transcripts/{session_id}")
    async def transcript_range(session_id: str, file: str, offset: int, request: Request) -> dict[str, Any]:
        return {"offset": offset + len(await request.body()), "status": "accepted"}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    return app
