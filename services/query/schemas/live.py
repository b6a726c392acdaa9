"""The live feed: its filters, and one item of it."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from services.query.schemas.fields import (
    Absent,
    CostUsd,
    OptionalMachine,
    OptionalProject,
    OptionalSession,
    OptionalUser,
    Parameters,
    Text,
    TitleSource,
)
from shared.feed import Kind
from shared.session_state import OpenState, State
from shared.terms import terms

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
    machine: OptionalMachine = None
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


class LiveSessionParameters(Parameters):
    project_id: OptionalProject = None
    user: OptionalUser = None
    machine: OptionalMachine = None


_STATES: Final = " ".join(f"`{name}`: {state.definition}" for name, state in terms().states.items())


class LiveSession(BaseModel):
    session_id: str | None = Field(description="null for a key that can only read numbers.")
    title: str | None
    title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    machine_id: str | None = Field(description="Where it was seen. null if no shipper sends it.")
    state: OpenState = Field(description=_STATES)
    tool_name: str | None = Field(description="The tool that runs, or whose permission is waited for.")
    since: datetime = Field(description="Since when it waits; or when the tool was called, else when the last work was seen.")
    start_time: datetime | None
    last_event_at: datetime
    last_prompt: str | None = Field(
        description="The first 500 characters of the newest prompt, or of the newest command that Claude answered."
    )
    model: str | None
    tool_calls_count: int
    tokens: int = Field(description="All tokens of the session so far, cached ones too.")
    cost_usd: CostUsd


class LiveSessions(BaseModel):
    items: list[LiveSession] = Field(description="Open sessions, the one with the newest event first; at most 200.")
    last_event_id: str = Field(description="The position of the live feed before the sessions were read. `GET /api/live` goes on from it.")


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
    title_source: TitleSource = None
    reason: (
        Literal["explicit", "idle", "clear", "resume", "logout", "prompt_input_exit", "other", "permission", "input", "error"] | None
    ) = Field(None, description="Why the session ended, as its `end_reason`; or what it waits for.")
    content: str | None = Field(None, description="The first 500 characters of a prompt or reply.")
    model: str | None = None
    tool_name: str | None = None
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"] | None = None
    execution_time_ms: int | None = None
    file_path: str | None = None
    action: Literal["created", "modified", "deleted"] | None = None
    lines_added: int | None = None
    lines_removed: int | None = None
    state: State | None = Field(
        None,
        description="What the session does after this, as in `GET /api/live/sessions`; or `ended`. The last item of a session in a batch has it.",
    )
    since: datetime | None = Field(None, description="Since when, as in `GET /api/live/sessions`. Comes with `state`.")
    running_tool: str | None = Field(None, description="The tool that runs then, or whose permission is waited for. Comes with `state`.")


LIVE_SESSIONS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "title": "Retry failed uploads",
            "title_source": "claude",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "machine_id": "m-4f2a",
            "state": "working",
            "tool_name": "Bash",
            "since": "2024-01-15T10:29:58Z",
            "start_time": "2024-01-15T09:45:00Z",
            "last_event_at": "2024-01-15T10:29:58Z",
            "last_prompt": "Run the tests again",
            "model": "claude-opus-4-5-20251101",
            "tool_calls_count": 42,
            "tokens": 812345,
            "cost_usd": 1.87,
        }
    ],
    "last_event_id": "1705314598123-0",
}
