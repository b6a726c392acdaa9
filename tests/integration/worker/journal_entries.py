"""Entries of the journal as ingest writes them, for a worker to drain."""

from datetime import UTC, datetime
from typing import Any

from services.worker.drain.drain_partition import drain
from services.worker.resources import Resources
from shared.events.messages import Envelope, Event, encode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def request(*events: Event, received_at: datetime = NOW, version: int = 1, **more: Any) -> bytes:
    """A request's entry. `more`: what it has beside events."""
    return encode_envelope(Envelope(version=version, request_id="r", received_at=received_at, events=list(events), **more))


def append(worker: Resources, *events: Event, payload: bytes | None = None, **more: Any) -> None:
    """A request with these events, or the payload of an entry."""
    worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: payload or request(*events, **more)})


def store(worker: Resources, *events: Event, **more: Any) -> None:
    """The same, drained."""
    append(worker, *events, **more)
    drain(worker)
