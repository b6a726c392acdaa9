"""An index of texts in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from services.query.search_index.documents.row_documents import RowDocument
from services.query.search_index.documents.text_documents import text_document
from services.query.search_index.reader import View
from services.query.search_index.words.fields import open_index

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def row(number: int, content: str, **columns: object) -> RowDocument:
    """A message of a minute, a user's unless told otherwise."""
    message = RowDocument(
        kind="message",
        key=str(UUID(int=number)),
        id=UUID(int=number),
        session_id="s",
        project_id=1,
        user_id=1,
        occurred_at=NOON + timedelta(minutes=number),
        role="user",
        tool_name=None,
        is_error=False,
        agent_id=None,
        model=None,
        source=None,
        content=content,
        result_at=None,
    )
    return replace(message, **columns)


def view_of(rows: Sequence[RowDocument]) -> View:
    """An index that has these rows."""
    index = open_index(None)
    writer = index.writer(15_000_000, 1)
    for each in rows:
        writer.add_document(text_document(each))
    writer.commit()
    index.reload()
    return View(index.searcher(), open_index(None).searcher(), fresh=None, stale=None, pending=0, is_current=True, is_whole=True)
