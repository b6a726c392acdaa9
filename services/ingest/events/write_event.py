"""A write, from request to answer: `write_event` is the whole of a POST of one event.

The other writes have their flows in write_session.py (start, end) and write_batch.py (many events). They share the steps below.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from fastapi import Request, Response
from msgspec import UNSET, Struct

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events import event_ids, idempotency_keys
from services.ingest.events.decode import MAX_BATCH_BYTES, MAX_SINGLE_BYTES, E, decode_event, parse
from services.ingest.events.ignored_fields import ignored_fields
from services.ingest.events.key_binding import binding_of, bound, check_session, set_user, user_of
from services.ingest.events.redact_events import redact_body
from services.ingest.events.session_cache import CachedSession, cache_entries
from services.ingest.events.wait import Preference, id_taken, preference_in, wait_for
from services.ingest.http import backend_deadline, request_checks
from services.ingest.http.json_limits import check_text
from services.ingest.http.queue_errors import OutcomeUnknown
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import EventAccepted, Status
from services.ingest.journal.append import Position, entries_of
from services.ingest.postgres.events import sessions
from shared import metrics
from shared.events.event_kinds import KINDS
from shared.events.messages import Binding, Event, SessionStart
from shared.http.concurrency import RequestSlot, slot_of
from shared.http.middleware import json_response, request_id_of

T = TypeVar("T")
SINGLE_BODY: Final = AcceptedBody((b"application/json",), MAX_SINGLE_BYTES)
BATCH_BODY: Final = AcceptedBody((b"application/json", b"application/x-ndjson"), MAX_BATCH_BYTES)

_ACCEPTED: Final = {struct: metrics.EVENTS_ACCEPTED.labels(kind.tag) for struct, kind in KINDS.items()}


async def write_event(request: Request, struct: type[E]) -> Response:
    """`POST /api/conversations`, `/api/activities`, `/api/tool-calls`: 201 once the event is on the journal's disk."""
    write = await admit_write(request, SINGLE_BODY)
    event = decode_event(write.body, struct, write.received_at)
    # Before anything of the event is stored, its session included.
    if write.ingest.settings.redact:
        await redact_body(event, write.body)
    set_user(write.binding, [event])
    event_id = event.id = event.id or write.derived_id() or event_ids.new_id()
    is_inferred = await resolve_session(write, event)
    positions = await append(write, [event], [len(write.body)], inferred=(event_id,) if is_inferred else ())
    status = await wait_for_one(write, positions, event)
    answer = EventAccepted(
        id=event_id, session_id=event.session_id, status=status, ignored_fields=ignored_fields(write.body, struct) or UNSET
    )
    return json_response(answer, 201, write.headers)


async def admit_order(request: Request, decoder: msgspec.json.Decoder[T]) -> tuple["Write", T]:
    """A request for long work, admitted as a write is, and what it asks for."""
    write = await admit_write(request, SINGLE_BODY)
    check_text(write.body)
    return write, parse(write.body, decoder)


class Write(Struct, frozen=True):
    """An admitted request. Its body has arrived, and no other body has come with its idempotency key."""

    ingest: Ingest
    slot: RequestSlot
    key_scope: str
    media_type: bytes
    body: bytes
    key: str | None
    # Whether the key came with this body before. It does not say whether that request succeeded.
    is_repeated: bool
    preference: Preference
    request_id: str
    received_at: datetime
    binding: Binding

    @property
    def headers(self) -> dict[str, str] | None:
        """The headers of the answer to a write that was accepted."""
        headers = self.preference.headers
        return headers if not self.is_repeated else idempotency_keys.REPLAYED | (headers or {})

    def started(self, answer: Struct, path: str) -> Response:
        """The answer to an order: what is done of it is at `path`."""
        return json_response(answer, 202, {"Location": path} | (self.headers or {}))

    def derived_id(self, *parts: str) -> UUID | None:
        """The id that the idempotency key stands for on this route; None without a key."""
        return event_ids.derived_id(self.key_scope, self.key, *parts) if self.key else None


async def admit_write(request: Request, accepted: AcceptedBody) -> Write:
    """Admits a request: the journal has room, the head is right, the body is complete, the idempotency key is new or repeats this body."""
    ingest = ingest_of(request)
    ingest.backlog.check()
    headers, media_type = request_checks.check_head(request, accepted)
    key = idempotency_keys.read_key(headers.get(b"idempotency-key"))
    body = await request_checks.read_body(request, max_bytes=accepted.max_bytes, seconds=ingest.settings.body_seconds)
    backend_deadline.begin()
    binding = binding_of(request)
    scope = key_scope(request, binding)
    is_repeated = await ingest.claimed_keys.claim(scope, key, body) if key else False
    slot = slot_of(request.scope)
    preference = preference_in(headers, slot)
    return Write(ingest, slot, scope, media_type, body, key, is_repeated, preference, request_id_of(request), datetime.now(UTC), binding)


def key_scope(request: Request, binding: Binding) -> str:
    """Where an idempotency key is unique: the path, and for a bound API key its user. Two users may choose the same idempotency key."""
    path: str = request.scope["path"]
    return path if binding.user is None else f"{path}\n{binding.user}"


async def resolve_session(write: Write, event: Event) -> bool:
    """Checks the session that the event names: it exists, and the API key may write into it. Infers one if the event names none and may do so.

    True if the event named no session.
    """
    if event.session_id is not None:
        cache = write.ingest.session_cache
        await check_session(cache, write.binding, event.session_id, await cache.get(event.session_id))
        return False
    if KINDS[type(event)].joins_open_session:
        event.session_id = await infer_session(write, user_of(event))
    return True


async def infer_session(write: Write, user: str | None) -> str | None:
    """The only open session of a user, or of anyone, in the API key's projects. None if no session is open, or more than one."""
    rows = await sessions.find_open(write.ingest.database, user, write.binding.project_ids)
    applied = {row["session_id"] for row in rows if row["applied"]}
    # Postgres has no user yet for a session whose start is still in the journal; the cache has.
    starting = {row["session_id"] for row in rows if not row["applied"]}
    if user is not None and starting:
        found = await write.ingest.session_cache.find(starting)
        starting = {session_id for session_id in starting if session_id in found and found[session_id].user == user}
    candidates = applied | starting
    return candidates.pop() if len(candidates) == 1 else None


async def append(
    write: Write,
    events: Sequence[Event],
    sizes: Sequence[int],
    *,
    started: dict[str, CachedSession] | None = None,
    inferred: Collection[UUID] = (),
) -> list[Position]:
    """Appends the events to the journal and the sessions that they start to the session cache. Gives the journal's entries.

    `sizes`: the events' bytes, roughly. `inferred`: ids of the events whose session ingest inferred.
    """
    if not events:
        return []
    ingest = write.ingest
    entries = entries_of(
        events,
        sizes,
        request_id=write.request_id,
        received_at=write.received_at,
        partitions=ingest.settings.journal_partitions,
        inferred=inferred,
        bound=bound(write.binding),
    )
    try:
        positions = await ingest.journal.append(entries, cache_entries(started) if started else ())
    except OutcomeUnknown as error:
        error.details |= _ids_for_retry(events)
        raise
    if started:
        ingest.session_cache.remember(started)
    if len(events) == 1:
        _ACCEPTED[type(events[0])].inc()
    else:
        for kind, count in Counter(map(type, events)).items():
            _ACCEPTED[kind].inc(count)
    return positions


def _ids_for_retry(events: Sequence[Event]) -> dict[str, Any]:
    """The ids that make the same events when the client sends the request again; for a batch in the items' order."""
    if len(events) > 1:
        return {"ids": [event.id for event in events]}
    [event] = events
    return {"id": event.id, "session_id": event.session_id} if isinstance(event, SessionStart) else {"id": event.id}


async def wait_for_one(write: Write, positions: Sequence[Position], event: Event) -> Status:
    """The outcome of a request's only event, if the request has `Prefer: wait`; else "queued". Conflict if another event has its id."""
    outcome = await wait_for(write.ingest, write.slot, write.preference, positions, [event])
    if outcome.conflicts:
        raise id_taken()
    return outcome.status
