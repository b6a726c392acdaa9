"""A session as one JSON document: `{"session": …, "items": […]}`, the items of all threads in one order."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from services.query.answers.timeline import TimelineItem
from services.query.export.exported_session import ExportedSession

_encode: Final = msgspec.json.Encoder().encode


def as_json(session: ExportedSession, pages: Iterable[list[TimelineItem]]) -> Iterator[bytes]:
    """The document piece by piece."""
    yield b'{"session":' + _encode(session) + b',"items":['
    is_first = True
    for page in pages:
        # Each item is on a line of its own.
        for item in page:
            yield (b"\n" if is_first else b",\n") + _encode(item)
            is_first = False
    yield b"\n]}\n"
