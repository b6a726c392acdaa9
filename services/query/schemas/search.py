"""Search in everything: its parameters and its answer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.query.schemas.fields import (
    Absent,
    Dated,
    MatchPage,
    OptionalBranch,
    OptionalMachine,
    OptionalProject,
    OptionalRole,
    OptionalSession,
    OptionalUser,
    Text,
    TitleSource,
)

MAX_QUERY_CHARS = 1_000

Kind = Literal["message", "tool_call", "command", "input", "result", "file", "session", "timeline_entry"]
_KINDS = (
    "`input`, `result`: in that part of a tool call; `command`: in what Bash was given; `file`: paths; `session`: titles, notes, tags; "
    "`timeline_entry`: summaries of compactions, commands of Claude Code."
)


class DocumentSearch(Dated):
    q: Annotated[
        Text | None,
        Absent(),
        Field(
            max_length=MAX_QUERY_CHARS,
            description='Words that must all match (the last one also as a prefix), `"a phrase"`, `-not`, `or`; and filters: `project:shop` '
            "(name, end of the path or id), `user:`, `tool:`, `file:`, `branch:`, `role:`, `kind:`, `machine:`, `session:`, `agent:`, `is:error`, "
            '`is:starred`, `before:`, `after:` (a date, `7d`, `yesterday`). A value with spaces is quoted: `project:"my shop"`. At most 32 terms. '
            "With `mode=literal` and `mode=regex` it is taken as it stands.",
            examples=["retry upload project:shop is:error"],
        ),
    ] = None
    mode: Literal["words", "literal", "regex"] = Field(
        "words",
        description="`literal`: texts that have `q` in them, anywhere. `regex`: a regular expression as Postgres has them, without "
        "back references, looks around and options, of at most 256 characters; two such searches run at a time.",
    )
    case: bool = Field(False, description="With `mode=literal` and `mode=regex`: upper and lower case are different.")
    sort: Literal["best", "newest"] = Field("best", description="`best`: by score among the newest 500 matches, then newest first.")
    group_by: Annotated[
        Literal["session"] | None,
        Absent(),
        Field(
            description="`session`: sessions with their best matches; behind them those that have the words in different texts, by how rare the "
            "words are, how often and where they are said."
        ),
    ] = None
    context: bool = Field(False, description="Also what was said before and after each match.")
    include_content: bool = Field(False, description="Also the whole text of each match. A page holds at most 8 MiB of text.")
    correct: bool = Field(True, description="If nearly nothing is found: search near words instead of those that nobody wrote.")
    kind: Annotated[Kind | None, Absent(), Field(description=f"Only this kind. {_KINDS}")] = None
    project_id: OptionalProject = None
    user: OptionalUser = None
    session_id: OptionalSession = None
    tool_name: Annotated[
        Text | None, Absent(), Field(min_length=1, max_length=200, description="Only this tool, in any case.", examples=["Bash"])
    ] = None
    role: OptionalRole = None
    branch: OptionalBranch = None
    machine: OptionalMachine = None
    is_error: Annotated[bool | None, Absent(), Field(description="Only tool calls that failed; or only what did not.")] = None
    is_starred: Annotated[bool | None, Absent(), Field(description="Only sessions with a star; or only those without.")] = None
    limit: int = Field(50, ge=1, le=200, description="Most items on a page.")


class Neighbour(BaseModel):
    role: Literal["user", "assistant"]
    content: str = Field(description="At most its first 200 characters.")


class Match(BaseModel):
    kind: Literal["message", "tool_call", "file", "session", "timeline_entry"]
    id: UUID = Field(description="Of a message or tool call, its own.")
    session_id: str | None
    session_title: str | None
    session_title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    timestamp: datetime | None = Field(description="null if the time is unknown.")
    role: str | None = Field(description="Of a message, who said it: `user` or `assistant`. Of a timeline entry, its kind.")
    tool_name: str | None
    is_error: bool = Field(description="A tool call that failed.")
    agent_id: str | None = Field(description="The subagent that did it.")
    path: str | None = Field(description="Of a file.")
    matched_in: list[Literal["message", "input", "result", "path", "title", "note", "tag", "branch", "timeline_entry"]] = Field(
        description="Where the words are."
    )
    snippet: str = Field(description="HTML: escaped text with <mark>, with every word that matched; ` … ` between parts that are apart.")
    timeline_id: UUID | None = Field(description="The place in the session: `/api/sessions/{session_id}/timeline?around=` takes it.")
    score: float
    similar: int | None = Field(
        None,
        description="With `group_by=session`: how many more of the session's best matches show the same but for numbers, times and ids. "
        "Twelve are looked at where the first three are not all different.",
    )
    content: str | None = Field(None, description="With `include_content=true`: the whole text.")
    before: Neighbour | None = Field(None, description="With `context=true`: the message before it.")
    after: Neighbour | None = Field(None, description="With `context=true`: the message after it.")


class SessionMatches(BaseModel):
    session_id: str | None = Field(description="null: matches without a session, such as files.")
    session_title: str | None
    session_title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    match: Literal["one_text", "session"] = Field(
        description="`one_text`: a text of the session matches. `session`: none does, but each word is in one of its texts."
    )
    hits: int = Field(
        description="Matches in this session, among the newest 2,000. With `match` session: texts that have one of the words."
    )
    items: list[Match] = Field(
        description="The best three; with `sort=newest` the newest three. With `match` session: the best text of each word, of five words at most."
    )


class Across(BaseModel):
    sessions: int = Field(description="How many sessions have all words, but no text that has them all.")
    is_exact: bool = Field(description="False: there may be more.")


class Nearest(BaseModel):
    q: str = Field(description="The query with fewer words, as it is typed. With `group_by=session` it finds `sessions`.")
    without: list[str] = Field(description="The words that are left out; none if the words are in different texts of a session.")
    sessions: int = Field(description="How many sessions have the words that are left, in one text or in several.")
    is_exact: bool = Field(description="False: there may be more.")


class Interpreted(BaseModel):
    mode: Literal["words", "literal", "regex"]
    alternatives: list[list[dict[str, Any]]] = Field(
        description="One of them must match, each with all of its terms: text, kind (word, phrase, literal, regex), is_excluded."
    )
    filters: dict[str, Any] = Field(description="By name; with a hyphen before it: excluded.")


class DocumentPage(MatchPage):
    items: list[Match] | None = Field(None, description="Absent with `group_by=session`.")
    sessions: list[SessionMatches] | None = Field(None, description="With `group_by=session`.")
    corrected: dict[str, str] | None = Field(description="Words that nobody wrote, and the near ones that were searched instead.")
    across: Across | None = Field(
        description="With `group_by=session`: sessions that have the words in different texts. They come after all others; null before that, "
        "and where it does not apply: with `mode=literal` and `mode=regex`. With `or`, the words of each alternative. "
        "Filters, and words that are excluded, hold for each text."
    )
    nearest: list[Nearest] = Field(
        description="If nothing was found, at most three queries with a word less, the one without the most frequent word first. "
        "None of a query with `or`."
    )
    hints: list[str] = Field(description="If nothing was found: filters that name no project, session, user or tool, for a person.")
    interpreted: Interpreted = Field(description="What was understood.")
    pending_documents: int = Field(description="Rows that are not in the index yet, of all projects, up to 10,000.")


DOCUMENTS_EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "kind": "tool_call",
            "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "session_title": "Retry failed uploads",
            "session_title_source": "claude",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "timestamp": "2024-01-15T10:21:00Z",
            "role": None,
            "tool_name": "Bash",
            "is_error": True,
            "agent_id": None,
            "path": None,
            "matched_in": ["result"],
            "snippet": "1 failed: test_<mark>retry</mark> of the <mark>upload</mark>",
            "timeline_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "score": 0.31,
        }
    ],
    "next_cursor": None,
    "total": 1,
    "total_is_exact": True,
    "is_complete": True,
    "incomplete_because": None,
    "corrected": {"retyr": "retry"},
    "across": None,
    "nearest": [],
    "hints": [],
    "interpreted": {
        "mode": "words",
        "alternatives": [
            [{"text": "retry", "kind": "word", "is_excluded": False}, {"text": "upload", "kind": "word", "is_excluded": False}]
        ],
        "filters": {"is": "error"},
    },
    "pending_documents": 0,
}
