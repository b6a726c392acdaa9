"""A session in one of the formats of exports, as a stream: in memory there are a page of its items and the piece that is being sent."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final, Literal

from services.query.answers.timeline import TimelineItem
from services.query.database import Connection
from services.query.export.digest import as_digest
from services.query.export.markdown import as_markdown
from services.query.export.phrases import ExportedSession, Options
from services.query.export.walk import walk
from services.query.queries.timeline.item_order import View
from services.query.queries.timeline.timeline import whole_timeline

ExportFormat = Literal["markdown", "digest"]
EXTENSIONS: Final[dict[ExportFormat, str]] = {"markdown": "md", "digest": "digest.md"}
# Items are small; so many bytes are sent at once.
_PIECE_BYTES: Final = 64 * 1024

Connect = Callable[[], AbstractContextManager[Connection]]


def export_session(
    connect: Connect, session: ExportedSession, wanted: ExportFormat, options: Options, *, include_thinking: bool, idle_gap: timedelta
) -> Iterator[bytes]:
    """The export piece by piece."""

    def read(agent_id: str | None) -> Iterator[list[TimelineItem]]:
        return whole_timeline(connect, View(session.session_id, agent_id, include_thinking=include_thinking), idle_gap)

    if wanted == "digest":
        return iter([as_digest(session, walk(read), options.zone).encode()])
    return _joined(text.encode() for text in as_markdown(session, walk(read), options))


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)
