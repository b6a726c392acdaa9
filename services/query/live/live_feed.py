"""The live feed in one process: one reader of the Redis Stream, and any number of listeners.

The reader adds what comes to a window and wakes the listeners. A listener holds a position and takes the next piece after it. So a slow listener
holds no more memory than a fast one, and what it missed is still in the window, or in Redis. Without listeners nothing runs.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.query.live.feed_window import Entry, FeedWindow, Piece, piece_of
from services.query.live.positions import BEFORE_ALL, MOST_NUMBER, Position
from services.query.live.shared_sessions import SharedSessions
from services.query.live.views import View
from services.query.settings import Settings
from shared.feed import FEED_KEY, ITEMS_FIELD, REWRITTEN_FIELD
from shared.http.errors import Unavailable
from shared.periodic import stops_within
from shared.redis.clients import REDIS_ERRORS, connect_async

log = structlog.get_logger()

# Entries within this time reach the listeners together.
FLUSH_SECONDS: Final = 0.05
# Shorter than the client's socket timeout. As long may the end of the last listener go unnoticed.
BLOCK_MS: Final = 1_000
READ_ENTRIES: Final = 200
RETRY_SECONDS: Final = 1.0
# A piece is four full entries; so many are read for it where most items are filtered out.
OLDER_ENTRIES: Final = 16
OLDER_READS: Final = 4
# When a client should connect again.
CLIENT_RETRY_MS: Final = 2_000

_AWAY: Final = (*REDIS_ERRORS, OSError, TimeoutError)


class LiveFeed:
    """Lives in the event loop that it was made in."""

    def __init__(self, redis: Redis, shared: SharedSessions) -> None:
        self._redis, self._shared = redis, shared
        self._window: FeedWindow | None = None
        # Up to here the window misses nothing.
        self._seen = BEFORE_ALL
        self._listeners: Counter[View] = Counter()
        self._woken = asyncio.Event()
        self._stop = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._older_reads = asyncio.Semaphore(OLDER_READS)

    @property
    def listeners(self) -> int:
        """How many there are."""
        return self._listeners.total()

    async def now(self) -> Position:
        """Entries from now on are after it. Unavailable while Redis does not answer.

        By Redis's clock, which also numbers the entries: the newest entry's position would tell every key when anybody last did anything.
        """
        try:
            return await self._now() if await self._redis.exists(FEED_KEY) else BEFORE_ALL
        except _AWAY as error:
            log.warning("live_feed_away", error=type(error).__name__)
            raise Unavailable("Redis cannot be reached now; try again in a moment.", code="QUEUE_UNAVAILABLE") from error

    async def events(self, view: View, position: Position, heartbeat_seconds: float) -> AsyncGenerator[bytes]:
        """Server-sent events after the position, as long as the service runs."""
        with self._listening(view):
            yield b"retry: %d\nid: %s\n\n" % (CLIENT_RETRY_MS, position.event_id.encode())
            known, silent_since = self._shared.known(), monotonic()
            while not self._stop.is_set():
                # Before the look, so that nothing that comes after it is missed.
                woken, window = self._woken, self._window
                piece = window.next_piece(position, view, known) if window else Piece(b"", position)
                if piece is None:
                    assert window is not None
                    piece, has_gap = await self._older_piece(window, position, view)
                    if has_gap:
                        yield b'event: gap\ndata: {"kind":"gap"}\n\n'
                if piece.data:
                    yield piece.data
                    silent_since = monotonic()
                if piece.unknown:
                    known, position = await self._shared.learn(piece.unknown), piece.end
                    continue
                if piece.end > position:
                    position = piece.end
                # At its own pace: what this view does not show must not be felt.
                elif not await stops_within(woken, max(silent_since + heartbeat_seconds - monotonic(), 0)):
                    yield b": still there\n%s\n" % (b"id: %s\n" % self._seen.event_id.encode() if self._seen > position else b"")
                    silent_since = monotonic()
                known = self._shared.known()

    def stop(self) -> None:
        """Ends all streams."""
        self._stop.set()
        self._wake()

    async def close(self) -> None:
        """Stops, and returns when nothing runs any more."""
        self.stop()
        if self._reading is not None:
            await asyncio.wait({self._reading})
        await self._redis.aclose()

    @contextmanager
    def _listening(self, view: View) -> Iterator[None]:
        self._listeners[view] += 1
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        try:
            yield
        finally:
            self._listeners[view] -= 1
            if not self._listeners[view]:
                del self._listeners[view]
                if self._window is not None:
                    self._window.forget(view)

    async def _read(self) -> None:
        """Reads while there are listeners."""
        while self._listeners and not self._stop.is_set():
            try:
                if self._window is None:
                    self._window = FeedWindow(await self._newest())
                    # Those that are behind it read from Redis.
                    self._wake()
                begun = await self._now()
                entries = await self._entries_after(self._window.end)
            except _AWAY as error:
                log.warning("live_feed_blind", error=type(error).__name__)
                # An entry that comes meanwhile may be cut off before it is read. Listeners that are behind the next window find out.
                self._window, self._seen = None, BEFORE_ALL
                await stops_within(self._stop, RETRY_SECONDS)
                continue
            if entries:
                self._add(self._window, entries)
                self._wake()
            if len(entries) < READ_ENTRIES:
                # To the second: when a read begins tells when the one before it ended, with an entry that others may not have seen.
                self._seen = Position(begun.milliseconds // 1_000 * 1_000, 0)
                await stops_within(self._stop, FLUSH_SECONDS if entries else 0)
        self._window, self._seen = None, BEFORE_ALL

    def _add(self, window: FeedWindow, entries: list[Entry]) -> None:
        """Entries kept from before a rewriting are forgotten: listeners that are behind read them from Redis, as they are now."""
        rewritten = max((number for number, entry in enumerate(entries) if entry.says_rewritten), default=None)
        if rewritten is not None:
            window = self._window = FeedWindow(entries[rewritten].position)
            entries = entries[rewritten + 1 :]
        window.add(entries)

    async def _entries_after(self, position: Position) -> list[Entry]:
        found: Any = await self._redis.xread({FEED_KEY: position.entry_id}, count=READ_ENTRIES, block=BLOCK_MS)
        return [_entry(*each) for _, entries in found or () for each in entries]

    async def _newest(self) -> Position:
        found: Any = await self._redis.xrevrange(FEED_KEY, count=1)
        return _entry(*found[0]).position if found else BEFORE_ALL

    async def _now(self) -> Position:
        seconds, microseconds = await self._redis.time()
        # Behind all entries of the millisecond before.
        return Position(seconds * 1_000 + microseconds // 1_000 - 1, MOST_NUMBER)

    async def _older_piece(self, window: FeedWindow, after: Position, view: View) -> tuple[Piece, bool]:
        """The next piece from Redis, and whether something between is cut off already: then all entries up to the position are gone too."""
        try:
            async with self._older_reads:
                found: Any = await self._redis.xrange(FEED_KEY, min=after.entry_id, count=OLDER_ENTRIES)
                up_to: Any = await self._redis.xrevrange(FEED_KEY, max=after.entry_id, count=1)
        except _AWAY:
            await stops_within(self._stop, RETRY_SECONDS)
            return Piece(b"", after), False
        entries = [_entry(*each) for each in found]
        has_gap = after != BEFORE_ALL and not up_to
        piece = piece_of(entries, after, view, self._shared.known())
        while piece.unknown and not piece.data:
            piece = piece_of(entries, after, view, await self._shared.learn(piece.unknown))
        # Without an entry after the position, Redis has lost what the window began with.
        return (piece, has_gap) if piece.end > after else (Piece(b"", max(window.floor, after)), has_gap)

    def _wake(self) -> None:
        self._woken.set()
        self._woken = asyncio.Event()


def connect_feed(settings: Settings) -> Redis:
    """A client whose reads may block for BLOCK_MS. Connects when first used, and does not try again by itself."""
    return connect_async(
        settings.redis_url,
        socket_timeout=5,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        client_name="tracker-live",
    )


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(entry_id.decode(), fields.get(ITEMS_FIELD, b"[]"), says_rewritten=REWRITTEN_FIELD in fields)
