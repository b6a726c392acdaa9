"""A cache of API keys and logins in each process: a check costs a look into a dict, and a revocation takes effect within five seconds.

An entry is used for REFRESH_SECONDS. After that, the next request with the key starts a refresh in the background, and from FRESH_SECONDS on
it waits for the refresh. While the database is away, a valid key stays valid for STALE_SECONDS, so that events are still accepted.
Without requests nothing runs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from shared.auth.keys import Grant, StoredKey, digest_of, id_of, is_same
from shared.http.errors import Unauthorized, Unavailable

log = structlog.get_logger()

REFRESH_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 4.0
STALE_SECONDS: Final = 600.0
# Caps cached invalid keys, so that guessing cannot exhaust memory. There are never so many valid ones.
MAX_REFUSED: Final = 1_000
MAX_GRANTED: Final = 10_000

# A Redis hash from ids to times: the query service, which cannot write to Postgres, tells ingest which keys were used.
USED_KEY: Final = "keys:used"

# Looks up a key by its id; None if it does not exist or is revoked. Raises Unavailable if the database does not answer.
Find = Callable[[str], Awaitable[StoredKey | None]]


class _Entry:
    """The last look-up of a presented key: its result, when that was asked for, and when the newest look-up began."""

    __slots__ = ("answered_at", "asked_at", "grant", "key_id", "refresh")

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self.grant: Grant | None = None
        self.answered_at = self.asked_at = float("-inf")
        self.refresh: asyncio.Task[None] | None = None


class KeyCache:
    """The cache of one process, in its event loop."""

    def __init__(self, find: Find, now: Callable[[], float] = time.monotonic) -> None:
        self._find = find
        self._now = now
        # By the digest of what was presented, so that no key stays in memory.
        self._granted: dict[bytes, _Entry] = {}
        self._refused: dict[bytes, _Entry] = {}
        self._pending: dict[bytes, _Entry] = {}
        self._failed_at = float("-inf")
        self._used: dict[str, datetime] = {}

    async def grant_of(self, presented: bytes) -> Grant:
        """The key's grant. Unauthorized if it is unknown or revoked; Unavailable if the database cannot say now."""
        digest = digest_of(presented)
        known = self._granted.get(digest) or self._refused.get(digest) or self._pending.get(digest)
        if known is None or self._now() - known.answered_at >= REFRESH_SECONDS:
            known = await self._refreshed(digest, known or _new(presented))
        grant, now = known.grant, datetime.now(UTC)
        # An entry may be older than the end of its login, above all while the database is away.
        if grant is None or (grant.expires_at is not None and grant.expires_at <= now):
            raise _unauthorized()
        self._used[grant.key_id] = now
        return grant

    def is_known(self, presented: bytes) -> bool:
        """Whether it was presented before, valid or not: then it counts as no try."""
        digest = digest_of(presented)
        return digest in self._granted or digest in self._refused

    def take_used(self) -> dict[str, datetime]:
        """Ids and last uses of the keys that were used since the last call."""
        used, self._used = self._used, {}
        return used

    async def _refreshed(self, digest: bytes, known: _Entry) -> _Entry:
        if (known.refresh is None or known.refresh.done()) and self._now() - known.asked_at >= REFRESH_SECONDS:
            known.asked_at = self._now()
            self._pending[digest] = known
            known.refresh = asyncio.create_task(self._refresh(digest, known, known.asked_at))
        if known.refresh is not None and self._must_wait(known):
            await asyncio.shield(known.refresh)
        if self._now() - known.answered_at >= (STALE_SECONDS if known.grant else FRESH_SECONDS):
            raise _cannot_check()
        return known

    def _must_wait(self, known: _Entry) -> bool:
        age = self._now() - known.answered_at
        is_away = self._now() - self._failed_at < FRESH_SECONDS
        return known.grant is None or age >= STALE_SECONDS or (age >= FRESH_SECONDS and not is_away)

    async def _refresh(self, digest: bytes, known: _Entry, asked_at: float) -> None:
        try:
            stored = await self._find(known.key_id)
        except Unavailable:
            self._failed_at = self._now()
            log.warning("key_not_checked", key_id=known.key_id)
            return
        finally:
            del self._pending[digest]
        known.grant = stored.grant if stored is not None and is_same(stored.sha256, digest) else None
        # Not the time of the answer, which may be from before a revocation.
        known.answered_at = asked_at
        self._remember(digest, known)

    def _remember(self, digest: bytes, known: _Entry) -> None:
        kept, other, most = (self._granted, self._refused, MAX_GRANTED) if known.grant else (self._refused, self._granted, MAX_REFUSED)
        other.pop(digest, None)
        kept[digest] = known
        while len(kept) > most:
            del kept[next(iter(kept))]


def _new(presented: bytes) -> _Entry:
    key_id = id_of(presented.decode("latin-1"))
    if key_id is None:
        raise _unauthorized()
    return _Entry(key_id)


def _unauthorized() -> Unauthorized:
    return Unauthorized(
        "This key is not valid, or was revoked; ask whoever runs the tracker for another (tracker keys create).",
        challenge='Bearer error="invalid_token"',
    )


def _cannot_check() -> Unavailable:
    return Unavailable("The key cannot be checked now, the database does not answer; try again in a moment.", code="DATABASE_UNAVAILABLE")
