"""One tool call: the answer, and its id in a path."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, Field

from services.query.schemas.lists import SessionToolCall

CallId = Annotated[UUID, Path(description="The tool call's id, as the lists show it.")]


class FileChange(BaseModel):
    file_path: str | None
    action: Literal["created", "modified", "deleted"]
    lines_added: int
    lines_removed: int
    is_estimated: bool = Field(description="True if the line counts are estimated from the tool call.")
    patch: str | None = Field(description="A unified diff without its head; null if it is not known.")
    patch_left_out_lines: int = Field(description="How many lines are missing at its end.")


class ChangeOfCall(FileChange):
    id: UUID


class ToolCallDetails(SessionToolCall):
    changes: list[ChangeOfCall] = Field(description="The files that the call changed.")
