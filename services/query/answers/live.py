"""The live feed: its filters, and one item of it."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from services.query.answers.answer import Answer
from services.query.answers.fields import CostUsd, TitleSource, doc
from shared.feed import Kind
from shared.sessions.agent_state import MOST_AGENTS, AgentState
from shared.sessions.session_state import ASKS_CHARACTERS, SAID_CHARACTERS, OpenState, State, StateSource
from shared.terms import terms

_SOURCE: Final = (
    "Who said so: `client_file`, the file of the client's process; a `hook`; a line of a `transcript`; an `event` that a client sent; "
    "or `time`: nothing was heard for long. null: nothing tells it."
)
_STATES: Final = " ".join(f"`{name}`: {state.definition}" for name, state in terms().states.items())


class LiveFile(Answer):
    file_path: str
    lines_added: Annotated[int, doc("In the newest 200 changes of the session.")]
    lines_removed: int


class LiveAgent(Answer):
    """A subagent, and what it does now."""

    agent_id: Annotated[str | None, doc("null for a key that can only read numbers.")]
    agent_type: Annotated[str | None, doc("null if the call that started it is not known.", examples=["Explore"])]
    description: Annotated[str | None, doc("What it is for, in the words of the call that started it.", examples=["Find every timer"])]
    state: Annotated[
        AgentState,
        doc(
            "As a session's; `permission`: it asked for the one that the session waits for. `done`: it has said its last words. "
            "`ended`: the client was started again before it was done."
        ),
    ]
    state_source: Annotated[StateSource | None, doc("Who said so, as of a session.")]
    since: Annotated[datetime, doc("Since when: of one that works, when its tool was called, else its last sign.")]
    tool_name: Annotated[str | None, doc("The tool that it runs, or whose permission is waited for.")]
    is_background: Annotated[bool, doc("The session does not wait for it: it may work while the session waits for input.")]


Agents = Annotated[
    list[LiveAgent],
    doc(f"Its subagents: those that go on, and those that ended since the last prompt, which come last; at most {MOST_AGENTS}."),
]


class LiveSession(Answer):
    session_id: Annotated[str | None, doc("null for a key that can only read numbers.")]
    title: str | None
    title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    machine_id: Annotated[str | None, doc("Where it was seen. null if no shipper sends it.")]
    state: Annotated[OpenState, doc(_STATES)]
    state_source: Annotated[StateSource | None, doc(_SOURCE)]
    tool_name: Annotated[str | None, doc("The tool that runs, or whose permission is waited for.")]
    tool_input: Annotated[
        str | None,
        doc(
            "The beginning of what that tool was called with, in one line: its command, path, pattern or URL, else all parameters as JSON.",
            examples=["npm test"],
        ),
    ]
    asks: Annotated[
        str | None,
        doc(
            "What its person is to decide, in its own lines. Of one that waits for a permission: the whole command, path or plan, up to "
            f"{ASKS_CHARACTERS:,} characters. Of one that waits for input: the questions of Claude with their options, else the last "
            f"{SAID_CHARACTERS} characters of its last message. `…` stands where it is cut.",
            examples=["The tests pass. Shall I commit it?"],
        ),
    ]
    error: Annotated[
        str | None,
        doc(
            "Of a failed session, in one line: the beginning of the API's error, else of the result of its turn's last call that failed. null if nothing tells it.",
            examples=["API Error: 529 Overloaded"],
        ),
    ]
    files: Annotated[list[LiveFile], doc("The three files that it changed last, the newest change first.")]
    agents: Agents
    since: Annotated[datetime, doc("Since when it waits; or when the tool was called, else when the last work was seen.")]
    start_time: datetime | None
    last_event_at: datetime
    last_prompt: Annotated[str | None, doc("The first 500 characters of the newest prompt, or of the newest command that Claude answered.")]
    model: str | None
    tool_calls_count: int
    tokens: Annotated[int, doc("All tokens of the session so far, cached ones too.")]
    cost_usd: CostUsd


class LiveSessions(Answer):
    items: Annotated[list[LiveSession], doc("Open sessions, the one with the newest event first; at most 200.")]
    last_event_id: Annotated[str, doc("The position of the live feed before the sessions were read. `GET /api/live` goes on from it.")]


class LiveItem(Answer, kw_only=True):
    """A field that does not apply is absent."""

    kind: Kind
    timestamp: Annotated[datetime | UnsetType | None, doc("When it happened.")] = UNSET
    id: Annotated[UUID | UnsetType | None, doc("Of the message, tool call or change of a file, as in the lists.")] = UNSET
    session_id: str | UnsetType | None = UNSET
    project_id: int | UnsetType | None = UNSET
    project_name: str | UnsetType | None = UNSET
    user: str | UnsetType | None = UNSET
    machine_id: str | UnsetType | None = UNSET
    agent_id: Annotated[str | UnsetType | None, doc("The subagent that did it.")] = UNSET
    title: Annotated[str | UnsetType | None, doc("Of the session.")] = UNSET
    title_source: TitleSource | UnsetType = UNSET
    reason: Annotated[
        Literal["explicit", "idle", "clear", "resume", "logout", "prompt_input_exit", "other", "gone", "permission", "input", "error"]
        | UnsetType
        | None,
        doc("Why the session ended, as its `end_reason`; or what it waits for."),
    ] = UNSET
    content: Annotated[str | UnsetType | None, doc("The first 500 characters of a prompt or reply.")] = UNSET
    model: str | UnsetType | None = UNSET
    tool_name: str | UnsetType | None = UNSET
    result_status: Literal["success", "error", "rejected", "cancelled", "timeout", "pending"] | UnsetType | None = UNSET
    execution_time_ms: int | UnsetType | None = UNSET
    file_path: str | UnsetType | None = UNSET
    action: Literal["created", "modified", "deleted"] | UnsetType | None = UNSET
    lines_added: int | UnsetType | None = UNSET
    lines_removed: int | UnsetType | None = UNSET
    state: Annotated[
        State | UnsetType | None,
        doc("What the session does after this, as in `GET /api/live/sessions`; or `ended`. The last item of a session in a batch has it."),
    ] = UNSET
    state_source: Annotated[StateSource | UnsetType | None, doc(f"{_SOURCE} Comes with `state`.")] = UNSET
    since: Annotated[datetime | UnsetType | None, doc("Since when, as in `GET /api/live/sessions`. Comes with `state`.")] = UNSET
    running_tool: Annotated[
        str | UnsetType | None, doc("The tool that runs then, or whose permission is waited for. Comes with `state`.")
    ] = UNSET
    running_input: Annotated[
        str | UnsetType | None, doc("What it was called with, as `tool_input` of `GET /api/live/sessions`. Comes with `state`.")
    ] = UNSET
    asks: Annotated[str | UnsetType | None, doc("As in `GET /api/live/sessions`. Comes with `state`.")] = UNSET
    error: Annotated[str | UnsetType | None, doc("Of a failed session, as in `GET /api/live/sessions`. Comes with `state`.")] = UNSET
    agents: Annotated[
        list[LiveAgent] | UnsetType | None, doc("Its subagents, as in `GET /api/live/sessions`. Comes with `state`; absent: none.")
    ] = UNSET
