"""How long a cached API key stays valid, with a clock that the test sets and a database it takes away."""

import asyncio

import pytest

from shared.auth.key_cache import FRESH_SECONDS, MAX_REFUSED, REFRESH_SECONDS, STALE_SECONDS, KeyCache
from shared.auth.keys import Grant, StoredKey, digest_of, new_key
from shared.http.errors import Unauthorized, Unavailable

pytestmark = pytest.mark.anyio


class Keys:
    """Stored keys, as a database that can be away, and how often it was asked; and a clock."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredKey] = {}
        self.asked = 0
        self.is_away = False
        self.now = 1_000.0
        self.cache = KeyCache(self.find, lambda: self.now)

    def add(self) -> bytes:
        key, key_id = new_key()
        self.stored[key_id] = StoredKey(digest_of(key.encode()), Grant(key_id, frozenset({"read"})))
        return key.encode()

    async def find(self, key_id: str) -> StoredKey | None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise Unavailable("away", code="DATABASE_UNAVAILABLE")
        return self.stored.get(key_id)

    async def is_granted(self, key: bytes) -> bool:
        try:
            await self.cache.grant_of(key)
        except Unauthorized:
            return False
        return True


@pytest.fixture
def keys() -> Keys:
    return Keys()


async def test_a_cached_key_is_not_looked_up_again(keys: Keys) -> None:
    key = keys.add()
    for _ in range(100):
        assert await keys.is_granted(key)
    assert keys.asked == 1


async def test_concurrent_requests_share_one_lookup(keys: Keys) -> None:
    key = keys.add()
    assert all(await asyncio.gather(*(keys.is_granted(key) for _ in range(50))))
    assert keys.asked == 1


@pytest.mark.parametrize("busy", [True, False])
async def test_a_revoked_key_is_refused_within_five_seconds(keys: Keys, busy: bool) -> None:
    key = keys.add()
    assert await keys.is_granted(key)
    keys.stored.clear()
    for _ in range(50):
        keys.now += 0.1
        if busy:
            await keys.is_granted(key)
    assert not await keys.is_granted(key)


async def test_a_refresh_does_not_block_requests_unless_the_cached_answer_is_old(keys: Keys) -> None:
    key = keys.add()
    await keys.cache.grant_of(key)
    asked = keys.cache.grant_of(key)
    keys.now += REFRESH_SECONDS
    with pytest.raises(StopIteration):  # it ends without having waited for anything
        asked.send(None)
    await asyncio.sleep(0.0)


async def test_a_valid_key_stays_valid_while_the_database_is_down(keys: Keys) -> None:
    key, other = keys.add(), keys.add()
    assert await keys.is_granted(key)
    keys.is_away = True
    for _ in range(int(STALE_SECONDS / 10) - 1):
        keys.now += 10
        assert await keys.is_granted(key)
    with pytest.raises(Unavailable):
        await keys.cache.grant_of(other)
    keys.now += 20
    with pytest.raises(Unavailable):
        await keys.cache.grant_of(key)


async def test_a_key_revoked_during_an_outage_is_refused_within_five_seconds_after_it(keys: Keys) -> None:
    key = keys.add()
    assert await keys.is_granted(key)
    keys.is_away = True
    keys.now += 60
    assert await keys.is_granted(key)
    keys.is_away = False
    keys.stored.clear()
    keys.now += FRESH_SECONDS
    assert not await keys.is_granted(key)


async def test_invalid_keys_are_cached_with_a_bound(keys: Keys) -> None:
    wrong = new_key()[0].encode()
    for _ in range(10):
        assert not await keys.is_granted(wrong)
    assert keys.asked == 1
    assert not await keys.is_granted(b"anything")
    assert keys.asked == 1
    others = [new_key()[0].encode() for _ in range(MAX_REFUSED)]
    for other in others:
        await keys.is_granted(other)
    asked = keys.asked
    # The newest are remembered, the oldest is not.
    for key in (others[0], others[-1]):
        await keys.is_granted(key)
    assert keys.asked == asked
    await keys.is_granted(wrong)
    assert keys.asked == asked + 1


async def test_a_wrong_secret_under_a_valid_id_is_refused_beside_the_valid_key(keys: Keys) -> None:
    key = keys.add()
    wrong = key[:-1] + (b"a" if key[-1:] != b"a" else b"b")
    assert await keys.is_granted(key)
    assert not await keys.is_granted(wrong)
    assert await keys.is_granted(key)


async def test_a_key_created_after_its_refusal_is_accepted_soon(keys: Keys) -> None:
    key = keys.add()
    stored, keys.stored = keys.stored, {}
    assert not await keys.is_granted(key)
    keys.stored = stored
    keys.now += REFRESH_SECONDS
    assert await keys.is_granted(key)


async def test_the_cache_holds_digests_only_and_reports_each_use_once(keys: Keys) -> None:
    key = keys.add()
    await keys.cache.grant_of(key)
    assert key.decode() not in repr(vars(keys.cache))
    assert set(keys.cache.take_used()) == set(keys.stored)
    assert keys.cache.take_used() == {}
