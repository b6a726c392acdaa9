"""Events that the live feed tells of."""

from datetime import UTC, datetime
from typing import Any

from redis import Redis

from services.worker.drain.drain_partition import drain
from services.worker.resources import Resources
from shared.events.messages import Envelope, Event, encode_envelope
from shared.feed import FEED_KEY, ITEMS_FIELD, FeedItem, decode_items
from shared.journal.streams import PAYLOAD_FIELD, stream_key

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def stored(worker: Resources, *events: Event, received_at: datetime = NOW) -> list[FeedItem]:
    """Stores the events as one request, and gives what the feed was told of it."""
    before = len(feed_of(worker.redis))
    envelope = Envelope(version=1, request_id="req-1", received_at=received_at, events=list(events))
    worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
    drain(worker)
    return feed_of(worker.redis)[before:]


def feed_of(redis: Redis) -> list[FeedItem]:
    entries: Any = redis.xrange(FEED_KEY)
    return [item for _, fields in entries for item in decode_items(fields[ITEMS_FIELD])]
