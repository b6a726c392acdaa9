"""The document of a row: what can be found of it, made from the row as it is now. The writer indexes it, and a search reads it again to look at its text."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import namedtuple_row

from services.query.search_index.documents.input_texts import input_text
from shared.sql_files import SqlFile

DocumentKind = Literal["message", "tool_call", "timeline_entry", "session", "file"]
KINDS: Final[tuple[DocumentKind, ...]] = get_args(DocumentKind)
MAX_CONTENT_CHARS: Final = 200_000
# Characters of a call's input, and of its result. The stored texts are shorter, except those of calls that came over the API.
MAX_PART_CHARS: Final = 32_768

_SQL: Final = SqlFile(__package__, "row_documents.sql")


class RowDocument(Struct, frozen=True):
    """`key` names the row: its id, a session's id, or 'project_id file_key user_id'. `id` is unique over all kinds.

    The result of a call begins behind `result_at` characters of `content`. `occurred_at` is None where the time is not known.
    """

    kind: DocumentKind
    key: str
    id: UUID
    session_id: str | None
    project_id: int
    user_id: int
    occurred_at: datetime | None
    role: str | None
    tool_name: str | None
    is_error: bool
    agent_id: str | None
    # Only messages have these.
    model: str | None
    source: str | None
    content: str
    result_at: int | None


def row_documents(connection: Connection[Any], kind: DocumentKind, keys: Sequence[str]) -> list[RowDocument]:
    """The documents of those rows that there are and that the connection may see, in no order."""
    asked = {"keys": list(keys), "most_chars": MAX_CONTENT_CHARS, "most_part_chars": MAX_PART_CHARS}
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows = cursor.execute(_SQL[kind].encode(), asked).fetchall()
    return [_document(kind, row) for row in rows]


def _document(kind: DocumentKind, row: Any) -> RowDocument:
    content: str = row.content
    result_at = None
    if kind == "tool_call":
        content = "\n".join(filter(None, (content, input_text(row.parameters))))[:MAX_PART_CHARS]
        if row.result:
            result_at = len(content) + 1
            content = f"{content}\n{row.result}"
    return RowDocument(
        kind=kind,
        key=row.key,
        id=row.id,
        session_id=row.session_id,
        project_id=row.project_id,
        user_id=row.user_id,
        occurred_at=row.occurred_at,
        role=row.role,
        tool_name=row.tool_name,
        is_error=row.is_error,
        agent_id=row.agent_id,
        model=row.model,
        source=row.source,
        content=content,
        result_at=result_at,
    )
