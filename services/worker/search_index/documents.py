"""What can be found of a row: its document in `search_documents`, made from the row as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import namedtuple_row

from services.worker.search_index.input_texts import input_text
from shared.document_words import MAX_CONTENT_CHARS
from shared.sql_files import statement

# Kinds of documents, and the tables that they are made of.
TABLES: Final = {
    "message": "messages",
    "tool_call": "tool_calls",
    "timeline_entry": "timeline_entries",
    "session": "sessions",
    "file": "files",
}
# Of a call's input and of its result. What is stored of them is shorter, but for calls that came over the API.
MAX_PART_CHARS: Final = 32_768


@dataclass(frozen=True, slots=True)
class Document:
    """A row of `search_documents` but for its terms. The result of a call begins behind `result_at` characters of `content`.

    It is kept with the call alone. `result_key` is its MD5 there.
    `occurred_at` is None where the time is not known. In tables that is -infinity, which Python has not.
    """

    id: UUID
    kind: str
    session_id: str | None
    project_id: int
    user_id: int
    occurred_at: datetime | None
    role: str | None
    tool_name: str | None
    is_error: bool
    agent_id: str | None
    content: str
    result_at: int | None
    result_key: UUID | None = field(compare=False)

    @property
    def kept_content(self) -> str:
        """What is stored of the content: all but the result of a call."""
        return self.content if self.result_at is None else self.content[: self.result_at - 1]


def documents_of(connection: Connection[Any], kind: str, keys: Sequence[str]) -> list[Document]:
    """The documents of those rows that there are, in no order."""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        rows = cursor.execute(_statement(TABLES[kind]), {"keys": list(keys)}).fetchall()
    return [_document(kind, row) for row in rows]


def ids_of(connection: Connection[Any], kind: str, keys: Sequence[str]) -> list[UUID]:
    """The ids of the documents that these rows have or had."""
    if kind not in ("session", "file"):
        return [UUID(key) for key in keys]
    return [row[0] for row in connection.execute(_statement(f"ids_of_{TABLES[kind]}"), {"keys": list(keys)}).fetchall()]


def _document(kind: str, row: Any) -> Document:
    content: str = row.content
    result_at = None
    if kind == "tool_call":
        content = "\n".join(filter(None, (content, input_text(row.parameters))))[:MAX_PART_CHARS]
        if row.result:
            result_at = len(content) + 1
            content = f"{content}\n{row.result[:MAX_PART_CHARS]}"
    of_row = (row.session_id, row.project_id, row.user_id, row.occurred_at, row.role, row.tool_name, row.is_error, row.agent_id)
    return Document(row.id, kind, *of_row, content[:MAX_CONTENT_CHARS], result_at, row.result_key if result_at else None)


def _statement(name: str) -> bytes:
    return statement("services.worker.search_index", "documents.sql", name).encode()
