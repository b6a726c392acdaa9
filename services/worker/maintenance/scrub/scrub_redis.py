"""Redis' keys, by today's rules of redaction: every key of every node, by the family of its name.

The live feed is written anew, since Redis keeps the bytes of an entry that is deleted until all its neighbours are. Its entries keep their ids, so a
client goes on where it was. An entry behind them tells the query services that what they hold of it is old.
"""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from redis import Redis

from services.worker.maintenance.scrub.scrub_columns import scrubbed_json, scrubbed_text
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from shared.broker import KEY_PREFIX
from shared.feed import FEED_KEY, ITEMS_FIELD, REWRITTEN_FIELD, TEXT_CHARACTERS, decode_items
from shared.journal.partitions import streams_in_use
from shared.redaction import sealed_texts
from shared.redaction.redacted_structs import may_hold_secret, redact_structs
from shared.search_hosts import HOSTS_KEY

# How long the scrub waits for entries of the journal that were there before it.
JOURNAL_SECONDS: Final = 60.0
KEYS_AT_ONCE: Final = 1_000

# KEYS: the feed. ARGV: the field of the items, that of the marker, then an entry's id and items, in turn. An entry behind the last one stays.
_REWRITE_FEED: Final = """
local newer = redis.call('XRANGE', KEYS[1], '(' .. ARGV[#ARGV - 1], '+')
redis.call('DEL', KEYS[1])
for n = 3, #ARGV, 2 do
    redis.call('XADD', KEYS[1], ARGV[n], ARGV[1], ARGV[n + 1])
end
for _, entry in ipairs(newer) do
    redis.call('XADD', KEYS[1], entry[1], unpack(entry[2]))
end
redis.call('XADD', KEYS[1], '*', ARGV[1], '[]', ARGV[2], '1')
"""
# Unless it has changed since it was read. KEYS: the key. ARGV: before, after; of a hash, the field.
_REPLACE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') end"
_REPLACE_FIELD: Final = "if redis.call('HGET', KEYS[1], ARGV[3]) == ARGV[1] then redis.call('HSET', KEYS[1], ARGV[3], ARGV[2]) end"

_NUMBERS: Final = "ids, numbers and times"
# {how a key's name begins: why its value stays as it is}.
EXEMPT_KEYS: Final = {
    "journal:": "what has just come in, by today's rules; what was there before is stored first",
    "accounting:": _NUMBERS,
    "wakeup:": _NUMBERS,
    "turn:": _NUMBERS,
    "feed:told:": "hashes and numbers",
    "idempotency:": "hashes",
    sealed_texts.KEY_PREFIX: "random bytes without the half that Postgres has",
    "keys:used": _NUMBERS,
    "archive:collected": _NUMBERS,
    "uploads:swept": _NUMBERS,
    HOSTS_KEY: _NUMBERS,
    "kept-out:": _NUMBERS,
    "canary:": "a token of the tracker's own, for an hour",
    KEY_PREFIX: "tasks, which carry ids alone",
}


def await_journal(step: Step) -> Done:
    """Waits until what was on the journal before the scrub is stored: the stages behind this one then find it."""
    worker = step.worker
    if step.after is None:
        last = {stream: _newest(worker.redis, stream) for stream in streams_in_use(worker.redis, worker.settings.journal_partitions)}
        wanted = _Journal({stream: entry for stream, entry in last.items() if entry}, time.time() + JOURNAL_SECONDS)
    else:
        wanted = msgspec.json.decode(step.after, type=_Journal)
    waiting = {stream: entry for stream, entry in wanted.last.items() if worker.redis.xrange(stream, max=entry, count=1)}
    if not waiting:
        return Done(None)
    if time.time() > wanted.until:
        return Done(
            None,
            remains={"journal": "Events that wait in the journal since before the scrub are not stored yet. Scrub again when they are."},
        )
    return Done(msgspec.json.encode(_Journal(waiting, wanted.until)).decode(), waits=True)


class _Journal(msgspec.Struct):
    """The last entry of each stream, and the time until which is waited for them."""

    last: dict[str, str]
    until: float


def _newest(redis: Redis, stream: str) -> str | None:
    found: Any = redis.xrevrange(stream, count=1)
    return found[0][0].decode() if found else None


def scrub_redis(step: Step) -> Done:
    """All keys, in one step: nothing of it is large but the feed, and doing it again changes nothing."""
    redis = step.worker.redis
    redactions: Counter[str] = Counter()
    scanned = changed = 0
    unknown: set[str] = set()
    for key in redis.scan_iter(count=KEYS_AT_ONCE):
        name = key.decode("utf-8", "replace")
        if name.startswith("session:"):
            change = _scrub_string(redis, key, redactions, is_dry_run=step.is_dry_run)
        elif name.startswith("transcript:"):
            change = _scrub_field(redis, key, b"user", redactions, is_dry_run=step.is_dry_run)
        elif name == FEED_KEY:
            change = rewrite_feed(redis, partial(_scrubbed_items, redactions=redactions), is_dry_run=step.is_dry_run)
        elif name.startswith(tuple(EXEMPT_KEYS)):
            continue
        else:
            unknown.add(name.partition(":")[0])
            continue
        scanned, changed = scanned + 1, changed + change
    remains = {"redis_keys": f"Keys that are not the tracker's, and were not read: {', '.join(sorted(unknown)[:20])}."} if unknown else {}
    return step.scrubbed(None, scanned, changed, redactions, remains)


def _scrub_string(redis: Redis, key: bytes, redactions: Counter[str], *, is_dry_run: bool) -> bool:
    before: Any = redis.get(key)
    if before is None or not may_hold_secret(before):
        return False
    after = scrubbed_json(before.decode(), redactions).encode()
    if after == before:
        return False
    if not is_dry_run:
        redis.eval(_REPLACE, 1, key, before, after)
    return True


def _scrub_field(redis: Redis, key: bytes, field: bytes, redactions: Counter[str], *, is_dry_run: bool) -> bool:
    before: Any = redis.hget(key, field)
    if before is None:
        return False
    text = before.decode()
    after = scrubbed_text(text, redactions)
    if after is text:
        return False
    if not is_dry_run:
        redis.eval(_REPLACE_FIELD, 1, key, before, after, field)
    return True


def rewrite_feed(redis: Redis, changed: Callable[[bytes], bytes], *, is_dry_run: bool) -> bool:
    """Writes the live feed anew, if `changed` gives other items for an entry of it than it has."""
    entries: Any = redis.xrange(FEED_KEY)
    words: list[Any] = []
    is_changed = False
    for entry_id, fields in entries:
        before = fields.get(ITEMS_FIELD, b"[]")
        after = changed(before)
        is_changed |= after is not before
        words += (entry_id, after)
    if is_changed and not is_dry_run:
        redis.eval(_REWRITE_FEED, 1, FEED_KEY, ITEMS_FIELD, REWRITTEN_FIELD, *words)
    return is_changed


def _scrubbed_items(before: bytes, redactions: Counter[str]) -> bytes:
    """The same object if nothing is found. An entry that cannot be read goes: a hole in the feed does no harm."""
    try:
        items = decode_items(before)
    except msgspec.MsgspecError:
        return b"[]"
    # A text that is cut ends in `…` for redaction, behind which the beginning of a secret is enough.
    cut = [item for item in items if item.content is not None and len(item.content) >= TEXT_CHARACTERS]
    for item in cut:
        item.content = f"{item.content}…"
    redact_structs(items, redactions)
    for item in cut:
        item.content = item.content and item.content.removesuffix("…")
    after = msgspec.json.encode(items)
    return before if after == before else after
