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
# Of a filter that was understood. A time is text.
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
    match: Annotated[
        Literal["one_text", "session"],
        doc("`one_text`: a text of the session matches. `session`: none does, but each word is in one of its texts."),
    ]
    hits: Annotated[int, doc("Matches in this session, among the newest 2,000. With `match` session: texts that have one of the words.")]
    items: Annotated[
        list[Match],
        doc(
            "The best three; with `sort=newest` the newest three. With `match` session: the best text of each word, of five words at most."
        ),
    ]


class Across(Answer):
    sessions: Annotated[int, doc("How many sessions have all words, but no text that has them all.")]
    is_exact: Annotated[bool, doc("False: there may be more.")]


class Nearest(Answer):
    q: Annotated[str, doc("The query with fewer words, as it is typed. With `group_by=session` it finds `sessions`.")]
    without: Annotated[list[str], doc("The words that are left out; none if the words are in different texts of a session.")]
    sessions: Annotated[int, doc("How many sessions have the words that are left, in one text or in several.")]
    is_exact: Annotated[bool, doc("False: there may be more.")]


class InterpretedTerm(Answer):
    text: str
    kind: Literal["word", "phrase", "literal", "regex"]
    is_excluded: bool


class Interpreted(Answer):
    mode: Literal["words", "literal", "regex"]
    alternatives: Annotated[list[list[InterpretedTerm]], doc("One of them must match, each with all of its terms.")]
    filters: Annotated[dict[str, FilterValue], doc("By name; with a hyphen before it: excluded.")]


class DocumentPage(Answer, kw_only=True):
    items: Annotated[list[Match] | UnsetType, doc("Absent with `group_by=session`.")] = UNSET
    sessions: Annotated[list[SessionMatches] | UnsetType, doc("With `group_by=session`.")] = UNSET
    next_cursor: NextCursor
    total: Total
    total_is_exact: TotalIsExact
    is_complete: IsComplete
    incomplete_because: IncompleteBecause
    corrected: Annotated[dict[str, str] | None, doc("Words that nobody wrote, and the near ones that were searched instead.")]
    forms: Annotated[
        dict[str, list[str]] | None,
        doc(
            "Other forms of words that were searched too, since at most ten matches or sessions have the words as they were typed; those come first."
        ),
    ]
    across: Annotated[
        Across | None,
        doc(
            "With `group_by=session`: sessions that have the words in different texts. They come after all others; null before that, "
            "and where it does not apply: with `mode=literal` and `mode=regex`. With `or`, the words of each alternative. "
            "Filters, and words that are excluded, hold for each text."
        ),
    ]
    nearest: Annotated[
        list[Nearest],
        doc(
            "If nothing was found, at most three queries with a word less, the one without the most frequent word first. "
            "None of a query with `or`."
        ),
    ]
    hints: Annotated[list[str], doc("If nothing was found: filters that name no project, session, user or tool, for a person.")]
    interpreted: Annotated[Interpreted, doc("What was understood.")]
    pending_documents: Annotated[int, doc("Rows that are not in the index yet, of all projects, up to 10,000.")]
