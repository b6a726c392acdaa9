"""The newest part of the feed in this process's memory, and pieces of it as server-sent events."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
import structlog

from services.query.live.positions import BEFORE_ALL, Position, position_of
from services.query.live.shared_sessions import NOTHING_KNOWN, Known
from services.query.live.views import Texts, View, encoded
from shared.feed import FeedItem, decode_items

log = structlog.get_logger()

# The most bytes of the entries as Redis has them. In memory they are about five times as large.
WINDOW_BYTES: Final = 2 * 1024 * 1024
# The most bytes of one piece. A listener holds one piece at a time.
PIECE_BYTES: Final = 64 * 1024
# Pieces that are kept for each view, for listeners that are a little behind the others.
PIECES_KEPT: Final = 4


class Piece(NamedTuple):
    """Events after one position, up to `end`. `data` is empty if the view shows none of them.

    `unknown`: whether these sessions are shared must be known for what is behind the end.
    """

    data: bytes
    end: Position
    unknown: frozenset[str] = frozenset()


class Entry:
    """An entry of the feed. `says_rewritten`: those before it were rewritten, as by a scrub."""

    __slots__ = ("_encoded", "items", "position", "says_rewritten", "size")

    def __init__(self, entry_id: str, value: bytes, *, says_rewritten: bool = False) -> None:
        self.says_rewritten = says_rewritten
        position = position_of(entry_id)
        assert position is not None
        self.position = position
        self.size = len(value)
        self.items = _items(value)
        self._encoded: dict[Texts, list[bytes | None]] = {}

    def event(self, index: int, texts: Texts) -> bytes:
        """An item as a server-sent event. Encoded once, however many views show it."""
        events = self._encoded.setdefault(texts, [None] * len(self.items))
        event = events[index]
        if event is None:
            item = self.items[index]
            event = events[index] = b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (
                self.position.entry_id.encode(),
                index,
                item.kind.encode(),
                encoded(item, texts),
            )
        return event


def _items(value: bytes) -> list[FeedItem]:
    try:
        return decode_items(value)
    except msgspec.MsgspecError as error:
        # An entry of a newer worker, during an upgrade.
        log.warning("feed_entry_not_read", reason=str(error)[:200])
        return []


def piece_of(entries: Iterable[Entry], after: Position, view: View, known: Known) -> Piece:
    """The items that the view shows of the entries after the position, up to about PIECE_BYTES, or to the first item of a session that must be known."""
    events: list[bytes] = []
    unknown: set[str] = set()
    size, end = 0, after
    for entry in entries:
        for index, item in enumerate(entry.items):
            position = entry.position._replace(item=index)
            if position <= after or not view.passes(item):
                continue
            if view.must_be_shared(item) and item.session_id not in known.shared:
                if item.session_id is not None and item.session_id not in known.asked:
                    if not unknown and index:
                        end = max(end, entry.position._replace(item=index - 1))
                    unknown.add(item.session_id)
            elif not unknown:
                events.append(entry.event(index, view.texts))
                size += len(events[-1])
                if size >= PIECE_BYTES:
                    return Piece(b"".join(events), position)
        if not unknown:
            end = max(end, entry.position)
    return Piece(b"".join(events), end, frozenset(unknown))


class FeedWindow:
    """All entries after `floor`, oldest first. Pieces of it are made once for all listeners with the same view at the same position."""

    def __init__(self, floor: Position = BEFORE_ALL) -> None:
        self.floor = floor
        self._entries: list[Entry] = []
        self._positions: list[Position] = []
        self._size = 0
        self._pieces: dict[View, OrderedDict[Position, tuple[Piece, Known]]] = {}

    @property
    def end(self) -> Position:
        """The position of the newest entry."""
        return self._positions[-1] if self._positions else self.floor

    def add(self, entries: Iterable[Entry]) -> None:
        """Adds what comes next in the feed, and forgets the oldest."""
        for entry in entries:
            self._entries.append(entry)
            self._positions.append(entry.position)
            self._size += entry.size
        forgotten = 0
        while self._size > WINDOW_BYTES and forgotten < len(self._entries) - 1:
            self._size -= self._entries[forgotten].size
            forgotten += 1
        if forgotten:
            self.floor = self._positions[forgotten - 1]
            del self._entries[:forgotten], self._positions[:forgotten]

    def next_piece(self, after: Position, view: View, known: Known) -> Piece | None:
        """The next piece after a position, which is empty at the end of the window. None if the window does not reach back so far.

        A view that is bound to users shows of others what is shared by what is `known`.
        """
        if after < self.floor:
            return None
        if after >= self.end:
            return Piece(b"", after)
        pieces = self._pieces.setdefault(view, OrderedDict())
        piece, known_then = pieces.get(after, (None, NOTHING_KNOWN))
        if piece is None or (view.users is not None and known_then is not known):
            piece = piece_of(self._from(after), after, view, known)
            pieces[after] = piece, known
            while len(pieces) > PIECES_KEPT:
                pieces.popitem(last=False)
        return piece

    def forget(self, view: View) -> None:
        """No listener has this view any more."""
        self._pieces.pop(view, None)

    def _from(self, after: Position) -> list[Entry]:
        """The entries that may have items after the position: its own entry may have some too."""
        first = bisect_right(self._positions, after)
        return self._entries[first:]
