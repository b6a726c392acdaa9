"""Search in everything: its parameters and its answer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType
from pydantic import WithJsonSchema

from services.query.answers.answer import Answer
from services.query.answers.fields import IncompleteBecause, IsComplete, NextCursor, TitleSource, Total, TotalIsExact, doc

DocumentKind = Literal["message", "tool_call", "file", "session", "timeline_entry"]
Part = Literal["message", "input", "result", "path", "title", "note", "tag", "branch", "timeline_entry"]
# The value of a filter that was understood. A time is text.
FilterValue = Annotated[str | int | bool, WithJsonSchema({"type": ["string", "integer", "boolean"]})]


class Neighbour(Answer):
    role: Literal["user", "assistant"]
    content: Annotated[str, doc("At most its first 200 characters.")]


class Match(Answer, kw_only=True):
    kind: DocumentKind
    id: Annotated[UUID, doc("Of a message or tool call, its own.")]
    session_id: str | None
    session_title: str | None
    session_title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    timestamp: Annotated[datetime | None, doc("null if the time is unknown.")]
    role: Annotated[str | None, doc("Of a message, who said it: `user` or `assistant`. Of a timeline entry, its kind.")]
    tool_name: str | None
    is_error: Annotated[bool, doc("A tool call that failed.")]
    agent_id: Annotated[str | None, doc("The subagent that did it.")]
    path: Annotated[str | None, doc("Of a file.")]
    matched_in: Annotated[list[Part], doc("Where the words are.")]
    snippet: Annotated[str, doc("HTML: escaped text with <mark>, with every word that matched; ` … ` between parts that are apart.")]
    timeline_id: Annotated[UUID | None, doc("The place in the session: `/api/sessions/{session_id}/timeline?around=` takes it.")]
    score: float
    similar: Annotated[
        int | UnsetType,
        doc(
            "With `group_by=session`: how many more of the session's best matches show the same but for numbers, times and ids. "
            "Twelve are looked at where the first three are not all different."
        ),
    ] = UNSET
    content: Annotated[str | UnsetType, doc("With `include_content=true`: the whole text.")] = UNSET
    before: Annotated[Neighbour | UnsetType | None, doc("With `context=true`: the message before it.")] = UNSET
    after: Annotated[Neighbour | UnsetType | None, doc("With `context=true`: the message after it.")] = UNSET


class SessionMatches(Answer):
    session_id: Annotated[str | None, doc("null: matches without a session, such as files.")]
    session_title: str | None
    session_title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    hits: Annotated[int, doc("Matches in this session, among the newest 2,000.")]
    items: Annotated[list[Match], doc("The best three; with `sort=newest` the newest three.")]


class RankedMatch(Answer):
    session_id: str
    session_title: str | None
    session_title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    timestamp: Annotated[datetime | None, doc("When its last event was; null if the time is unknown.")]
    score: Annotated[float, doc("To compare sessions of this answer with each other, and nothing else.")]
    items: Annotated[
        list[Match],
        doc(
            "At most three texts that have any of the words as they were typed; if none has one, what was asked first. They obey the filters."
        ),
    ]


class RankedSessions(Answer):
    sessions: Annotated[list[RankedMatch], doc("At most ten, the best first. Some may be among the matches, too.")]
    corrected: Annotated[dict[str, str], doc("Words that no session has, and the near ones that were searched instead.")]
    waiting_sessions: Annotated[int, doc("Sessions that have changed since they were ranked last.")]
    is_ready: Annotated[bool, doc("False: the index is being made. Sessions that it lacks are not ranked until then.")]


_Start = Annotated[int, doc("Where it begins in `q`, in characters of Unicode, with its hyphen and quotes.")]
_End = Annotated[int, doc("Where it ends.")]


class InterpretedTerm(Answer):
    text: str
    kind: Literal["word", "phrase", "literal", "regex"]
    is_excluded: bool
    start: _Start
    end: _End


class TypedFilter(Answer):
    name: str
    value: str
    is_excluded: bool
    start: _Start
    end: _End


class Interpreted(Answer):
    mode: Literal["words", "literal", "regex"]
    alternatives: Annotated[list[list[InterpretedTerm]], doc("One of them must match, each with all of its terms.")]
    filters: Annotated[dict[str, FilterValue], doc("By name; with a hyphen before it: excluded. Those of parameters too.")]
    typed: Annotated[list[TypedFilter], doc("The filters of `q`, in the order in which they stand there.")]


class DocumentPage(Answer, kw_only=True):
    items: Annotated[list[Match] | UnsetType, doc("Absent with `group_by=session`.")] = UNSET
    sessions: Annotated[list[SessionMatches] | UnsetType, doc("With `group_by=session`.")] = UNSET
    next_cursor: NextCursor
    total: Total
    total_is_exact: TotalIsExact
    is_complete: IsComplete
    incomplete_because: IncompleteBecause
    ranked: Annotated[
        RankedSessions | None,
        doc(
            "Sessions that may be meant: those with any of the words, in any form of them, by how rare the words are and where they are said. "
            "Filters and excluded words hold. null on later pages, with `mode=literal` and `mode=regex`, and without a word."
        ),
    ]
    hints: Annotated[list[str], doc("If nothing was found: filters that name no project, session, user or tool, for a person.")]
    interpreted: Annotated[Interpreted, doc("What was understood.")]
    pending_documents: Annotated[int, doc("Texts that cannot be found yet, of all projects, up to 10,000. 0 for bound keys.")]
