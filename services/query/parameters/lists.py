"""Parameters of lists: projects, sessions, what happened in them, people, machines, tags, signals, dead letters; and of search."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from services.query.parameters.fields import (
    Absent,
    Dated,
    Filtered,
    OfProjects,
    OptionalBranch,
    OptionalGroup,
    OptionalIdPrefix,
    OptionalModel,
    OptionalRepository,
    OptionalRole,
    OptionalSession,
    OptionalSource,
    OptionalText,
    OptionalTool,
    OptionalUser,
    Paged,
    Text,
    text_of,
)

IncludeShare = Annotated[bool, Field(description="True shows what each session has within the dates, in `share`.")]
IncludeResult = Annotated[bool, Field(description="True shows what each call gave back, in `result`.")]


class ProjectList(Dated):
    page_items: ClassVar[int] = 1000
    user: Annotated[OptionalText, text_of("Only projects with a session of this user.")] = None
    machine: Annotated[OptionalText, text_of("Only projects with a session that was seen on this machine: its id, or its name.")] = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    parts: bool = Field(False, description="True lists also projects that are part of others.")
    archived: Literal["no", "only", "all"] = Field("no", description="Whether archived projects are listed.")
    sort: Literal["last_session", "name", "active_minutes", "total_sessions", "cost_usd"] = Field(
        "last_session", description="Sort key. An unknown date or cost sorts below every known one."
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or largest first.")


class SessionList(Dated, Filtered):
    status: Annotated[Literal["open", "ended"] | None, Absent(), Field(description="Only open or only ended sessions.")] = None
    model: OptionalModel = None
    branch: OptionalBranch = None
    source: OptionalSource = None
    is_starred: Annotated[bool | None, Absent(), Field(description="Only sessions with a star (`true`) or without one (`false`).")] = None
    tag: Annotated[OptionalText, text_of("Only sessions with this tag, whatever its case.", 64, examples=["uploads"])] = None
    id_prefix: OptionalIdPrefix = None
    contains: Annotated[
        OptionalText, text_of("Only sessions with this text in their title or note, whatever its case.", 400, examples=["upload"])
    ] = None
    outcome: Annotated[
        Literal["commit", "pull_request", "files", "nothing"] | None,
        Absent(),
        Field(
            description="Only sessions of which this came, on any of their days: a commit, a pull request or changed files; `nothing`: none of these.",
        ),
    ] = None
    pull_request: Annotated[
        OptionalText, text_of("Only sessions that opened this pull request: its address, or its number.", 2000, examples=["754"])
    ] = None
    by: Literal["started", "active"] = Field(
        "started",
        description="Which sessions the dates choose. `started`: those that began then. `active`: also those that began before and went on then: with an event "
        "or active time. The order stays that of `sort`.",
    )
    include_share: IncludeShare = False
    include_outcome: Annotated[bool, Field(description="True shows what came of each session, in `outcome`.")] = False
    sort: Literal["start_time", "active_minutes", "messages_count", "tool_calls_count", "lines_changed", "cost_usd"] = Field(
        "start_time",
        description="Sort key. An unknown date or cost sorts below every known one. With `include_share`, numbers within the dates sort.",
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or largest first.")


class EventList(Dated, Filtered):
    """A list of events."""

    session_id: OptionalSession = None
    branch: OptionalBranch = None
    source: OptionalSource = None


class ConversationList(EventList):
    role: OptionalRole = None
    model: OptionalModel = None


class ToolCallList(EventList):
    tool_name: OptionalTool = None
    status: Annotated[
        Literal["success", "error", "rejected", "cancelled", "timeout", "pending"] | None, Absent(), Field(description="Only this result.")
    ] = None
    error_class: Annotated[
        OptionalText,
        text_of("Only calls that failed for this reason; /api/tool-calls/errors counts the classes.", 100, examples=["file_not_found"]),
    ] = None
    sort: Literal["timestamp", "execution_time_ms"] = Field(
        "timestamp", description="Sort key. An unknown date or duration sorts below every known one."
    )
    order: Literal["asc", "desc"] = Field("desc", description="`desc`: the newest or longest first.")
    include_result: IncludeResult = False


class OldestToolCallList(Paged):
    include_result: IncludeResult = False


class ConversationSearch(ConversationList):
    q: Annotated[
        Text | None,
        Absent(),
        Field(
            max_length=256,
            description='Words that must all match (the last one also as a prefix), `"a phrase"`, `-not`, `or`; at most 16 terms. '
            "Finds identifiers, their parts, paths, error codes, CJK text, `café` as `cafe`. What belongs to a word is looked for as typed: `--no-verify`, "
            '`/tmp`, `C++`; an option with one hyphen needs quotes, `"-m"`. Without it: everything that passes the filters.',
            examples=["useEffect cleanup"],
        ),
    ] = None
    sort: Literal["best", "newest"] = Field("best", description="`best`: by rank among the newest 500 matches, then newest first.")


class ActivityList(EventList):
    file_path: Annotated[
        OptionalText, text_of("Only this file. With `*` at its end: every path with this prefix.", 4096, examples=["/home/user/app/src/*"])
    ] = None
    action: Annotated[Literal["created", "modified", "deleted"] | None, Absent(), Field(description="Only this kind of change.")] = None
    include_patch: bool = Field(False, description="True shows the diff of each change, in `patch`.")


class MachineList(Paged):
    user: OptionalUser = None


class TagList(Paged, OfProjects):
    user: OptionalUser = None


class UserList(Dated, OfProjects):
    user: OptionalUser = None


class SignalList(Paged):
    name: Annotated[OptionalText, text_of("Only those of this name.", examples=["api_error"])] = None


class DeadLetterParameters(Paged):
    kind: Annotated[OptionalText, text_of("Only dead letters of this kind.", examples=["conversation"])] = None
    reason: Annotated[OptionalText, text_of("Only dead letters with exactly this reason.", 500)] = None
    status: Literal["waiting", "stored"] = Field("waiting", description="`waiting`: not stored yet. `stored`: the event was stored later.")
