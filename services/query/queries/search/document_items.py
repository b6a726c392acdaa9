"""Matches as they are shown: where in the document the words are, a snippet, what was said before and after."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from msgspec import UNSET, Struct
from msgspec.structs import replace

from services.query.answers import search as answers
from services.query.answers.fields import TitleSource
from services.query.answers.search import DocumentKind, Match, Neighbour, SessionMatches
from services.query.database import Connection, fetch, fetch_by
from services.query.queries.search.document_conditions import Part, sql
from services.query.queries.search.document_finder import Scored
from services.query.queries.search.snippet import SNIPPET_CHARS, folded, snippet

NEIGHBOUR_CHARS: Final = 200
MOST_HITS_OF_A_SESSION: Final = 3
# So that each of many words has its place in the snippet.
MORE_PER_WORD: Final = 80
# A word with a digit: a number, a time, the beginning of a commit's hash.
_VARIES: Final = re.compile(r"\w*\d\w*")

# The texts to mark, by the document's id, or by None for all of them.
Highlights = Mapping[UUID | None, Sequence[str]]


class Document(Struct, frozen=True):
    """A document with what is known of its session."""

    id: UUID
    kind: DocumentKind
    session_id: str | None
    session_title: str | None
    session_title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    timestamp: datetime | None
    role: str | None
    tool_name: str | None
    is_error: bool
    agent_id: str | None
    content: str
    # Where in the content of a tool call what it gave back begins.
    result_at: int | None
    git_branch: str | None
    note: str | None
    tags: list[str] | None


class Group(Struct, frozen=True):
    """A session with its matches, of which the first are shown that do not show the same."""

    session_id: str | None
    hits: int
    texts: Sequence[Scored]


class _Around(Struct, frozen=True):
    """What was said before and after a document. Both are NULL, or none of the two."""

    before_role: Literal["user", "assistant"] | None
    before_content: str | None
    after_role: Literal["user", "assistant"] | None
    after_content: str | None


def items(
    connection: Connection, matches: Sequence[Scored], highlights: Highlights, part: Part | None, *, with_content: bool
) -> list[Match]:
    """The documents in the order of the matches. One that is gone since it was found is left out."""
    found = fetch(connection, Document, sql("by_ids"), {"ids": [match.id for match in matches]})
    documents = {document.id: document for document in found}
    return [
        _item(document, match.score, highlights.get(document.id, highlights.get(None, ())), part, with_content=with_content)
        for match in matches
        if (document := documents.get(match.id))
    ]


def add_neighbours(connection: Connection, shown: Sequence[Match]) -> None:
    """Tells of each what was said before and after it."""
    asked = {"ids": [item.id for item in shown], "most_chars": NEIGHBOUR_CHARS}
    around = fetch_by(connection, _Around, "id", sql("neighbours"), asked) if shown else {}
    for item in shown:
        said = around.get(item.id)
        item.before = _neighbour(said.before_role, said.before_content) if said else None
        item.after = _neighbour(said.after_role, said.after_content) if said else None


def sessions_with_items(
    connection: Connection, groups: Sequence[Group], shown: Callable[[Sequence[Scored]], list[Match]], *, with_context: bool
) -> list[SessionMatches]:
    """The sessions, each with the first of its matches that do not show the same, as `shown` shows them."""
    found = {item.id: item for item in shown([text for group in groups for text in group.texts[:MOST_HITS_OF_A_SESSION]])}
    # Few sessions have matches that show the same: only of these others are looked at.
    others = [group for group in groups if len(_folded(group, found)) < min(MOST_HITS_OF_A_SESSION, len(group.texts))]
    if others:
        found |= {item.id: item for item in shown([text for group in others for text in group.texts[MOST_HITS_OF_A_SESSION:]])}
    sessions = [_session(group, _folded(group, found)) for group in groups]
    if with_context:
        add_neighbours(connection, [item for session in sessions for item in session.items])
    return sessions


def _session(group: Group, hits: list[Match]) -> SessionMatches:
    first = hits[0] if hits else None
    return SessionMatches(
        session_id=group.session_id,
        session_title=first.session_title if first else None,
        session_title_source=first.session_title_source if first else None,
        project_id=first.project_id if first else None,
        project_name=first.project_name if first else None,
        user=first.user if first else None,
        hits=group.hits,
        items=hits,
    )


def _folded(group: Group, found: Mapping[UUID, Match]) -> list[Match]:
    """The first of a session's matches that differ, each with how many more show the same."""
    alike: dict[tuple[str | None, ...], list[Match]] = {}
    for item in (found[text.id] for text in group.texts if text.id in found):
        alike.setdefault(_looks(item), []).append(item)
    return [replace(same[0], similar=len(same) - 1) for same in list(alike.values())[:MOST_HITS_OF_A_SESSION]]


def _looks(item: Match) -> tuple[str | None, ...]:
    """The same for texts that differ in numbers, times and ids alone, as the outputs of a command that ran again."""
    return item.kind, item.tool_name, item.role, " ".join(_VARIES.sub("0", item.snippet).split())


def _item(document: Document, score: float, highlights: Sequence[str], part: Part | None, *, with_content: bool) -> Match:
    places = _places(document, highlights, part)
    # Where something of it is: what a call was given and gave back are texts of their own.
    text = "\n".join(places.values())
    is_event = document.kind in ("message", "tool_call", "timeline_entry")
    return Match(
        kind=document.kind,
        id=document.id,
        session_id=document.session_id,
        session_title=document.session_title,
        session_title_source=document.session_title_source,
        project_id=document.project_id,
        project_name=document.project_name,
        user=document.user,
        timestamp=document.timestamp,
        role=document.role,
        tool_name=document.tool_name,
        is_error=document.is_error,
        agent_id=document.agent_id,
        path=document.content if document.kind == "file" else None,
        matched_in=list(places),
        snippet=snippet(text, highlights, SNIPPET_CHARS, MORE_PER_WORD),
        timeline_id=document.id if is_event and document.session_id else None,
        score=score,
        content=document.content if with_content else UNSET,
    )


def _places(document: Document, highlights: Sequence[str], part: Part | None) -> dict[answers.Part, str]:
    """The parts of a document in which one of the texts stands; the first if it is in none."""
    parts = _parts(document)
    if part is not None:
        # A call that gave back nothing has an empty result.
        parts = {part: parts.get(part, "")}
    wanted = [folded(text) for text in highlights if text]
    found = {name: text for name, text in parts.items() if any(each in folded(text) for each in wanted)}
    return found or dict([next(iter(parts.items()))])


def _parts(document: Document) -> dict[answers.Part, str]:
    content, at = document.content, document.result_at
    match document.kind:
        case "tool_call":
            # The document begins with the tool's name.
            start = len(document.tool_name or "") + 1 if content.startswith(f"{document.tool_name}\n") else 0
            given: dict[answers.Part, str] = {"input": content[start:at].removesuffix("\n")}
            return given if at is None else given | {"result": content[at:]}
        case "session":
            named: dict[answers.Part, str | None] = {
                "title": document.session_title,
                "note": document.note,
                "tag": " ".join(document.tags or ()),
                "branch": document.git_branch,
            }
            return {name: text for name, text in named.items() if text} or {"title": content}
        case "file":
            return {"path": content}
        case "message" | "timeline_entry" as kind:
            return {kind: content}


def _neighbour(role: Literal["user", "assistant"] | None, content: str | None) -> Neighbour | None:
    return None if role is None or content is None else Neighbour(role, content)
