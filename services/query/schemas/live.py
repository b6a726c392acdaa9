"""The live feed: its filters, and one item of it."""

from datetime import datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from services.query.schemas.fields import Absent, OptionalProject, OptionalSession, OptionalUser, Parameters, Text
from shared.feed import Kind

_KINDS = get_args(Kind)


def _are_kinds(text: str | None) -> str | None:
    unknown = [kind for kind in text.split(",") if kind not in _KINDS] if text is not None else []
    if unknown:
        raise ValueError(f"{unknown[0][:100]} is not a kind; there are {', '.join(_KINDS)}")
    return text


class LiveParameters(Parameters):
    project_id: OptionalProject = None
    user: OptionalUser = None
    session_id: OptionalSession = None
    machine: Annotated[Text | None, Absent(), Field(min_length=1, max_length=64, description="Only this machine, by id.")] = None
    tool_name: Annotated[Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this tool.", examples=["Bash"])] = (
        None
    )
    kind: Annotated[
        str | None,
        Absent(),
        AfterValidator(_are_kinds),
        Field(
            max_length=300, description=f"Only these kinds, separated by commas: {', '.join(_KINDS)}.", examples=["prompt,tool_finished"]
        ),
    ] = None
    last_event_id: Annotated[
        str | None,
        Absent(),
        Field(max_length=40, description="As the header `Last-Event-ID`, for clients that cannot set one. The header wins."),
    ] = None


class LiveItem(BaseModel):
    """A field that does not apply is absent."""

    kind: Kind
    timestamp: datetime | None = Field(None, description="When it happened.")
    id: UUID | None = Field(None, description="Of the message, tool call or change of a file, as in the lists.")
    session_id: str | None = None
    project_id: int | None = None
    project_name: str | None = None
    user: str | None = None
    machine_id: str | None = None
    agent_id: str | None = Field(None, description="The subagent that did it.")
    title: str | None = Field(None, description="Of the session.")
    reason: Literal["explicit", "idle", "permission", "input", "error"] | None = Field(
        None, description="Why the session ended, or what it waits for."
    )
    content: str | None = Field(None, description="The first 500 characters of a prompt or reply.")
    model: str | None = None
    tool_name: str | None = None
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"] | None = None
    execution_time_ms: int | None = None
    file_path: str | None = None
    action: Literal["created", "modified", "deleted"] | None = None
    lines_added: int | None = None
    lines_removed: int | None = None
