"""The parser's states of the files that were read last, in this process' memory.

A state says what is open at an offset of its file. One that is behind catches up from what is stored; without one, reading begins anew at the
beginning. So a state may be forgotten at any time.
"""

import io
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection

from services.worker.capture.captured_files import CapturedFile, UnreadRange
from services.worker.importers.formats.transcript.transcript_reader import Transcript
from services.worker.persist.records import KeptResults, Record, RecordError, SessionFacts
from shared.archive.stored_pieces import ContentUnreadable, Piece, pieces_of
from shared.blobs.contents import ContentStore

log = structlog.get_logger()

MAX_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class ParserState:
    """Behind `offset` bytes and `lines` lines of a file, which are `position` bytes of what is stored of it."""

    transcript: Transcript
    # The file's. A later range may be the first to name one.
    user: str | None
    # The file's, too.
    rewrites: int = 0
    offset: int = 0
    position: int = 0
    lines: int = 0
    # Facts that stay as they are, whatever comes.
    settled_facts: list[UUID] = field(default_factory=list)

    def read(self, part: UnreadRange | Piece) -> Iterator[Record | RecordError]:
        """The records that the next part of the file completes. The state is behind the part when the last of them was taken."""
        for record in self.transcript.read_part(io.BytesIO(part.content), number=self.lines, offset=part.start_offset):
            if isinstance(record, SessionFacts):
                self.settled_facts.append(record.id)
            yield record
        self.lines += part.content.count(b"\n")
        self.offset = part.end_offset
        self.position += len(part.content)


class ParserStates:
    """The states by file, the one used last at the end. Those used longest ago are forgotten when all take more than MAX_BYTES."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._states: OrderedDict[int, ParserState] = OrderedDict()
        self._bytes: dict[int, int] = {}
        self._held_bytes = 0

    def at_parsed_offset(
        self, connection: Connection[Any], file: CapturedFile, idle_gap: timedelta, kept_results: KeptResults, archive: ContentStore
    ) -> ParserState:
        """The file's state where it was read to. It leaves the cache: put() it back when what was read with it is committed."""
        state = self._states.pop(file.id, None)
        self._held_bytes -= self._bytes.pop(file.id, 0)
        if state is None or state.offset > file.parsed_offset or (state.user, state.rewrites) != (file.user, file.rewrites):
            state = ParserState(Transcript(file.user, idle_gap, kept_results), file.user, file.rewrites)
        if state.offset < file.parsed_offset:
            state = _caught_up(connection, file, state, idle_gap, kept_results, archive)
        return state

    def put(self, file: CapturedFile, state: ParserState) -> None:
        """Keeps a state for the next reading of its file."""
        self._states[file.id] = state
        self._bytes[file.id] = state.transcript.held_bytes
        self._held_bytes += self._bytes[file.id]
        while self._held_bytes > self._max_bytes and len(self._states) > 1:
            oldest, _ = self._states.popitem(last=False)
            self._held_bytes -= self._bytes.pop(oldest)


def _caught_up(
    connection: Connection[Any],
    file: CapturedFile,
    state: ParserState,
    idle_gap: timedelta,
    kept_results: KeptResults,
    archive: ContentStore,
) -> ParserState:
    """The state behind all that was read. Everything of it is stored already, so the records are dropped."""
    position = state.position
    try:
        for piece in pieces_of(connection, file.id, archive, position):
            if piece.end_offset > file.parsed_offset:
                break
            position += len(piece.content)
            # Behind a gap nothing is read any more, but counted.
            if piece.start_offset <= state.offset:
                for _ in state.read(piece):
                    pass
    except ContentUnreadable as error:
        log.error("archive_content_unreadable", file=file.name, reason=str(error))
    if state.offset < file.parsed_offset:
        log.warning("capture_replay_incomplete", file=file.name, kept_from=state.offset, read_to=file.parsed_offset)
        # The open calls of that place are not known. The facts of the last reading stay.
        state = ParserState(
            Transcript(file.user, idle_gap, kept_results),
            file.user,
            file.rewrites,
            file.parsed_offset,
            position,
            settled_facts=list(file.facts_ids),
        )
    for _ in state.transcript.so_far():
        pass
    return state
