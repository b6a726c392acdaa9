"""Events that the live feed tells of."""

from datetime import datetime
from typing import Any

from redis import Redis

from services.worker.resources import Resources
from shared.events.messages import Event
from shared.feed import FEED_KEY, ITEMS_FIELD, FeedItem, decode_items
from tests.integration.worker.journal_entries import NOW, store


def stored(worker: Resources, *events: Event, received_at: datetime = NOW) -> list[FeedItem]:
    """Stores the events as one request, and gives what the feed was told of it."""
    before = len(feed_of(worker.redis))
    store(worker, *events, received_at=received_at)
    return feed_of(worker.redis)[before:]


def feed_of(redis: Redis) -> list[FeedItem]:
    entries: Any = redis.xrange(FEED_KEY)
    return [item for _, fields in entries for item in decode_items(fields[ITEMS_FIELD])]
