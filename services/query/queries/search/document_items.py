"""Matches as they are shown: where in the document the words are, a snippet, what was said before and after."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

from msgspec import UNSET, Struct
from msgspec.structs import replace

from services.query.answers import search as answers
from services.query.answers.fields import TitleSource
from services.query.answers.search import Match, Neighbour, SessionMatches
from services.query.database import Connection, fetch_by
from services.query.queries.search.query_filters import Part
from services.query.queries.search.snippet import SNIPPET_CHARS, folded, snippet
from services.query.queries.search.text_searcher import TextHit, rows_of
from services.query.search_index.documents.row_documents import RowDocument
from shared.sql_files import SqlFile

NEIGHBOUR_CHARS: Final = 200
MOST_HITS_OF_A_SESSION: Final = 3
# So that each of many words has its place in the snippet.
MORE_PER_WORD: Final = 80
# A word with a digit: a number, a time, the beginning of a commit's hash.
_VARIES: Final = re.compile(r"\w*\d\w*")

_SQL: Final = SqlFile(__package__, "document_items.sql")

# The texts to mark in a document; None if it does not match.
Marks = Callable[[RowDocument], Sequence[str] | None]


class _Details(Struct, frozen=True):
    """The names and marks of a text's session, its project and its user."""

    session_title: str | None
    session_title_source: TitleSource
    project_name: str | None
    user: str | None
    git_branch: str | None
    note: str | None
    tags: list[str] | None


class Group(Struct, frozen=True):
    """A session with its matches, of which the first are shown that do not show the same."""

    session_id: str | None
    hits: int
    texts: Sequence[TextHit]


class _Around(Struct, frozen=True):
    """The messages before and after a document. Role and content are both NULL, or neither is."""

    before_role: Literal["user", "assistant"] | None
    before_content: str | None
    after_role: Literal["user", "assistant"] | None
    after_content: str | None


def items(connection: Connection, hits: Sequence[TextHit], marks: Marks, part: Part | None, *, with_content: bool) -> list[Match]:
    """The texts in the order of the hits, from their rows as they are and as the connection may see them. One that is gone or does not match is left out."""
    found = rows_of(connection, hits)
    shown = [(hit, row, marked) for hit in hits if (row := found.get((hit.kind, hit.id))) and (marked := marks(row)) is not None]
    details = _details(connection, [row for _, row, _ in shown])
    return [
        _item(row, told, hit.score, marked, part, with_content=with_content)
        for (hit, row, marked), told in zip(shown, details, strict=True)
    ]


def _details(connection: Connection, shown: Sequence[RowDocument]) -> list[_Details]:
    asked = {
        "session_ids": [row.session_id for row in shown],
        "project_ids": [row.project_id for row in shown],
        "user_ids": [row.user_id for row in shown],
    }
    return list(fetch_by(connection, _Details, "number", _SQL.details, asked).values()) if shown else []


def add_neighbours(connection: Connection, shown: Sequence[Match]) -> None:
    """Tells of each what was said before and after it."""
    events = [item for item in shown if item.timeline_id is not None]
    asked = {
        "ids": [item.id for item in events],
        "session_ids": [item.session_id for item in events],
        "times": [item.timestamp for item in events],
        "most_chars": NEIGHBOUR_CHARS,
    }
    around = fetch_by(connection, _Around, "id", _SQL.neighbours, asked) if events else {}
    for item in shown:
        said = around.get(item.timeline_id)
        item.before = _neighbour(said.before_role, said.before_content) if said else None
        item.after = _neighbour(said.after_role, said.after_content) if said else None


def sessions_with_items(
    connection: Connection, groups: Sequence[Group], shown: Callable[[Sequence[TextHit]], list[Match]], *, with_context: bool
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


def _item(row: RowDocument, told: _Details, score: float, marked: Sequence[str], part: Part | None, *, with_content: bool) -> Match:
    places = _places(row, told, marked, part)
    # The parts that have a match: what a call was given and gave back are texts of their own.
    text = "\n".join(places.values())
    is_event = row.kind in ("message", "tool_call", "timeline_entry")
    return Match(
        kind=row.kind,
        id=row.id,
        session_id=row.session_id,
        session_title=told.session_title,
        session_title_source=told.session_title_source,
        project_id=row.project_id or None,
        project_name=told.project_name,
        user=told.user,
        timestamp=row.occurred_at,
        role=row.role,
        tool_name=row.tool_name,
        is_error=row.is_error,
        agent_id=row.agent_id,
        path=row.content if row.kind == "file" else None,
        matched_in=list(places),
        snippet=snippet(text, marked, SNIPPET_CHARS, MORE_PER_WORD),
        timeline_id=row.id if is_event and row.session_id else None,
        score=score,
        content=row.content if with_content else UNSET,
    )


def _places(row: RowDocument, told: _Details, marked: Sequence[str], part: Part | None) -> dict[answers.Part, str]:
    """The parts of a document in which one of the texts stands; the first if it is in none."""
    parts = _parts(row, told)
    if part is not None:
        # A call that gave back nothing has an empty result.
        parts = {part: parts.get(part, "")}
    wanted = [folded(text) for text in marked if text]
    found = {name: text for name, text in parts.items() if any(each in folded(text) for each in wanted)}
    return found or dict([next(iter(parts.items()))])


def _parts(row: RowDocument, told: _Details) -> dict[answers.Part, str]:
    content, at = row.content, row.result_at
    match row.kind:
        case "tool_call":
            # The document begins with the tool's name.
            start = len(row.tool_name or "") + 1 if content.startswith(f"{row.tool_name}\n") else 0
            given: dict[answers.Part, str] = {"input": content[start:at].removesuffix("\n")}
            return given if at is None else given | {"result": content[at:]}
        case "session":
            named: dict[answers.Part, str | None] = {
                "title": told.session_title,
                "note": told.note,
                "tag": " ".join(told.tags or ()),
                "branch": told.git_branch,
            }
            return {name: text for name, text in named.items() if text} or {"title": content}
        case "file":
            return {"path": content}
        case "message" | "timeline_entry" as kind:
            return {kind: content}


def _neighbour(role: Literal["user", "assistant"] | None, content: str | None) -> Neighbour | None:
    return None if role is None or content is None else Neighbour(role, content)
