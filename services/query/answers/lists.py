"""Projects, sessions, and what happened in them: parameters and answers of the lists, and of search."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType
from pydantic import Field

from services.query.answers.acts import CallFields, ChangeFields, MessageFields
from services.query.answers.answer import Answer
from services.query.answers.fields import (
    CallDecision,
    ClientCostUsd,
    Commands,
    CostUsd,
    IncompleteBecause,
    IsComplete,
    IsSandboxed,
    NextCursor,
    SessionSavedUsd,
    TitleSource,
    Total,
    TotalIsExact,
    UnpricedCalls,
    Visibility,
    doc,
)
from services.query.answers.live import LiveAgent
from shared.claude_formats.call_outcome import RunResult
from shared.sessions.session_state import State, StateSource


class SessionShare(Answer):
    """Sums of a session's rows within the dates. Those of neighbouring dates add up to the session's own, distinct files aside."""

    active_minutes: float
    user_messages: Annotated[int, doc("Prompts.")]
    commands: Commands
    messages: Annotated[int, doc("Prompts and answers.")]
    tool_calls: int
    tool_errors: int
    files_modified: Annotated[int, doc("Number of distinct files.")]
    lines_added: int
    lines_removed: int
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd


class Project(Answer):
    id: Annotated[int, Field(examples=[1])]
    name: Annotated[str | None, doc("null for a key that can only read numbers.", examples=["claude-tracker"])]
    label: Annotated[
        str | None,
        doc(
            "The name, or where several projects have it, with the folder above: `work/shop`. null for a key that can only read numbers.",
            examples=["claude-tracker"],
        ),
    ]
    path: Annotated[str | None, doc("null for a key that can only read numbers.", examples=["/home/user/claude-tracker"])]
    group: Annotated[str | None, doc("The group that it was put into. null also for a key that can only read numbers.", examples=["work"])]
    archived: Annotated[bool, doc("Left out of lists unless they are asked for it. It counts in all sums.")]
    repository: Annotated[
        str | None,
        doc("The remote of its git repository, without scheme and user; null if no machine named one.", examples=["github.com/acme/shop"]),
    ]
    merged_into: Annotated[int | None, doc("The project of which it is part, and under which its sessions count.")]
    total_sessions: int
    total_time_minutes: Annotated[int, doc("Sum of (end − start) over the sessions. An open session counts up to its last event.")]
    files_modified_count: Annotated[int, doc("Number of distinct files.")]
    lines_changed_count: Annotated[int, doc("Lines added plus lines removed.")]
    last_session: datetime | None
    created_at: datetime
    active_minutes: Annotated[float, doc("Active time: gaps between events count up to `idle_gap_seconds`.")]
    messages_count: int
    tool_calls_count: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd
    visibility: Visibility


class ProjectPart(Answer):
    """A project that is part of another."""

    id: int
    name: str | None
    path: str | None
    part_of: Annotated[int, doc("The project that it was merged into, which may be part of another itself.")]
    merged_by: Annotated[
        Literal["hand", "worktree", "remote", "path_rule"],
        doc("What decided: a person, a common git folder, a common remote, or a rule about paths."),
    ]
    because: Annotated[str | None, doc("The reason in words: `Both are clones of github.com/acme/shop.`")]
    merged_at: datetime | None
    is_moving: Annotated[bool, doc("Some of its sessions still count where they did before.")]
    failure: Annotated[str | None, doc("Why moving them failed last; it is tried again each hour. null: it did not.")]


class ProjectRule(Answer):
    """A rule about paths: projects that the pattern names are part of the project."""

    id: int
    pattern: Annotated[str, doc("`*` is within a folder's name, `**` over folders.", examples=["/home/*/work/shop"])]
    project_id: int
    project_name: str | None
    merged: Annotated[int, doc("How many projects it has merged.")]
    created_at: datetime


class ProjectRules(Answer):
    items: Annotated[list[ProjectRule], doc("The oldest first, which is tried first. There are at most 100.")]


class ProjectEdit(Answer):
    """A change of a project's name, group, archive, visibility or place."""

    at: datetime
    who: Annotated[str | None, doc("The id of a key; `open`: no key was asked for; `rule`: a rule.")]
    what: Annotated[list[Literal["name", "group", "archived", "visibility", "merge", "kept_apart"]], doc("What was changed.")]
    undone_at: Annotated[datetime | None, doc("The newest that is not undone is undone by `POST …/undo`.")]


class ProjectDetails(Project, kw_only=True):
    """A project, with what it is part of, what is part of it, and what was changed."""

    part_of: Annotated[ProjectPart | None, doc("This project as a part of another; null if it is none.")]
    kept_apart: Annotated[bool, doc("No rule merges it: a person took it out of another.")]
    parts: Annotated[list[ProjectPart], doc("Its other paths: the projects that count as this one. Up to 1,000.")]
    changes: Annotated[list[ProjectEdit], doc("The newest first, up to 50.")]


class SessionMachine(Answer):
    machine_id: str
    name: Annotated[str | None, doc("null if the machine was forgotten.")]


class CameOfSession(Answer):
    """The outcome of a session in numbers; `/api/sessions/{session_id}/outcome` has the whole. Changed files and failed calls are the session's own."""

    commits: Annotated[int, doc("Commits that its shell commands made, as their results say.")]
    pull_requests: Annotated[list[str], doc("Addresses of those that its calls opened.")]
    tests: Annotated[
        RunResult | None,
        doc("How its last run of tests ended. null: it ran no tests."),
    ]
    failed_tests: Annotated[int | None, doc("Tests that failed in that run, as its summary says; null if it says nothing.")]


class Session(Answer, kw_only=True):
    session_id: str
    title: Annotated[str | None, doc("What it is called, in one line: by a person, by Claude Code, or by what Claude was asked first.")]
    title_source: TitleSource
    own_title: Annotated[bool, doc("Whether `title` was given with PATCH.")]
    is_starred: bool
    tags: list[str]
    note: str | None
    visibility: Visibility
    parent_session_id: Annotated[str | None, doc("The session that this one continues.")]
    project_id: int | None
    project_name: str | None
    user: str | None
    start_time: datetime | None
    end_time: Annotated[datetime | None, doc("null while the session is open.")]
    duration_minutes: float
    active_minutes: float
    status: Literal["open", "ended"]
    end_reason: Annotated[
        Literal["explicit", "idle", "gone", "imported", "clear", "resume", "logout", "prompt_input_exit", "other"] | None,
        doc(
            "Why Claude Code ended it, as its hook says; else `explicit`: a client ended it; `gone`: its process is gone, as after a kill; "
            "`idle`: nothing was heard of it for long; "
            "`imported`: only a summary from claude.json is known, no single events."
        ),
    ]
    state: Annotated[State, doc("What it does now, as in `GET /api/live/sessions`; or `ended`.")]
    state_source: Annotated[StateSource | None, doc("Who said so, as in `GET /api/live/sessions`.")]
    state_since: Annotated[datetime | None, doc("Since when. null if no time is known of it.")]
    agents: Annotated[
        list[LiveAgent], doc("As in `GET /api/live/sessions`; none once the session has ended, since no subagent outlives its client.")
    ]
    messages_count: int
    user_messages: Annotated[int, doc("Prompts, of `messages_count`.")]
    commands: Commands
    files_modified_count: int
    lines_added: int
    lines_removed: int
    tool_calls_count: int
    tool_errors_count: int
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    model: str | None
    git_branch: str | None
    client_version: str | None
    cost_usd: Annotated[float | None, doc("null if no price is known.")]
    client_cost_usd: ClientCostUsd
    cache_saved_usd: SessionSavedUsd
    source: str | None
    machines: Annotated[list[SessionMachine], doc("Those that it was seen on. A session that was resumed elsewhere has several.")]
    texts_dropped_at: Annotated[
        datetime | None,
        doc("When its texts from before `texts_dropped_before` were dropped, since they were older than texts are kept. Numbers stay."),
    ]
    texts_dropped_before: datetime | None
    share: Annotated[SessionShare | UnsetType | None, doc("Only with `include_share=true`: what of it is within the dates.")] = UNSET
    outcome: Annotated[CameOfSession | UnsetType | None, doc("Only with `include_outcome=true`: what came of it, on all of its days.")] = (
        UNSET
    )


class _Act(Answer, kw_only=True):
    id: UUID
    session_id: str | None
    project_id: int | None


class Message(_Act, MessageFields, kw_only=True):
    timestamp: Annotated[datetime | None, doc("null if the time is unknown.")]
    model: str | None
    agent_id: Annotated[str | None, doc("The subagent that wrote or received the message.")]


class FoundMessage(Message, kw_only=True):
    session_title: str | None
    project_name: str | None
    user: str | None
    snippet: Annotated[str, doc("HTML: escaped text with <mark>.")]
    score: float


class FileActivity(_Act, ChangeFields, kw_only=True):
    timestamp: datetime | None
    agent_id: Annotated[str | None, doc("The subagent that changed the file.")]
    source: str | None
    tool_call_id: Annotated[UUID | None, doc("The tool call that made the change; null if it is not known.")]
    patch: Annotated[
        str | UnsetType | None, doc("Only with `include_patch=true`: a unified diff without its head; null if it is not known.")
    ] = UNSET
    patch_left_out_lines: Annotated[
        int | UnsetType, doc("Only with `include_patch=true`: how many lines of the diff are missing at its end.")
    ] = UNSET


class Media(Answer):
    type: Annotated[str, Field(examples=["image/png"])]
    bytes: Annotated[int, doc("Its size before base64.")]


class ToolResult(Answer):
    """A call's result as it is stored. A long text is its beginning and its end."""

    text: Annotated[str, doc("As Claude was told it, redacted; without escape codes of terminals.")]
    left_out_characters: Annotated[int, doc("How many characters are missing. 0: it is the whole text.")]
    cut_at_character: Annotated[int | None, doc("They are missing after so many characters of `text`; null if none are.")]
    media: Annotated[list[Media], doc("Images and other files that are no text. Their data is not stored here.")]


class SessionToolCall(_Act, CallFields, kw_only=True):
    result: Annotated[
        ToolResult | UnsetType | None,
        doc("Only with `include_result=true`; null if nothing is known, or kept, of what the call gave back."),
    ] = UNSET
    timestamp: datetime | None
    agent_id: Annotated[str | None, doc("The subagent that called the tool.")]
    started_agent: Annotated[str | None, doc("The subagent that the call started: the `agent_id` of what that did.")]
    decision: CallDecision
    is_sandboxed: IsSandboxed
    source: str | None


class SessionPage(Answer):
    items: list[Session]
    next_cursor: NextCursor


class MessagePage(Answer):
    items: list[Message]
    next_cursor: NextCursor


class SearchPage(Answer):
    items: list[FoundMessage]
    next_cursor: NextCursor
    total: Total
    total_is_exact: TotalIsExact
    is_complete: IsComplete
    incomplete_because: IncompleteBecause
    pending_documents: Annotated[
        int,
        doc("Texts that cannot be found yet, of all projects, up to 10,000. Not 0 only while very many are stored. 0 for bound keys."),
    ]


class ActivityPage(Answer):
    items: list[FileActivity]
    next_cursor: NextCursor


class ToolCallPage(Answer):
    items: list[SessionToolCall]
    next_cursor: NextCursor
