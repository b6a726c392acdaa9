"""A session in one of the formats of exports, as a stream: in memory there are a page of its items and the piece that is being sent."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final, Literal

from services.query.answers.timeline import TimelineItem
from services.query.database import Connection
from services.query.export.digest import as_digest
from services.query.export.exported_session import ExportedSession
from services.query.export.json_document import as_json
from services.query.export.markdown import as_markdown
from services.query.export.options import Options
from services.query.export.page import as_page
from services.query.export.walk import Step, walk
from services.query.queries.timeline.all_pages import whole_timeline
from services.query.queries.timeline.item_order import View

ExportFormat = Literal["markdown", "html", "json", "digest"]
MEDIA_TYPES: Final[dict[ExportFormat, str]] = {
    "markdown": "text/markdown",
    "html": "text/html",
    "json": "application/json",
    "digest": "text/markdown",
}
EXTENSIONS: Final[dict[ExportFormat, str]] = {"markdown": "md", "html": "html", "json": "json", "digest": "digest.md"}
# Items are small; so many bytes are sent at once.
_PIECE_BYTES: Final = 64 * 1024

Connect = Callable[[], AbstractContextManager[Connection]]


def export_session(
    connect: Connect, session: ExportedSession, wanted: ExportFormat, options: Options, *, include_thinking: bool, idle_gap: timedelta
) -> Iterator[bytes]:
    """The export piece by piece."""
    session_id = session.session_id

    def read(agent_id: str | None) -> Iterator[list[TimelineItem]]:
        return whole_timeline(connect, View(session_id, agent_id, include_thinking=include_thinking), idle_gap)

    steps: Iterator[Step] = walk(read)
    match wanted:
        case "markdown":
            return _joined(text.encode() for text in as_markdown(session, steps, options))
        case "html":
            return _joined(text.encode() for text in as_page(session, steps, options))
        case "digest":
            return iter([as_digest(session, steps, options.zone).encode()])
        case "json":
            everything = View(session_id, all_threads=True, include_thinking=include_thinking)
            return _joined(as_json(session, whole_timeline(connect, everything, idle_gap)))


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
