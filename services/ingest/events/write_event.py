"""A write from request to answer, as steps that each route composes: receive, decode, find the session, keep."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from msgspec import Struct

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import MAX_BATCH_BYTES, MAX_SINGLE_BYTES
from services.ingest.events.session_cache import KnownSession, notes_of
from services.ingest.events.wait import QUEUED, Outcome, Preference, id_taken, preference_in, wait_for
from services.ingest.http import idempotency, request_checks, request_deadline
from services.ingest.http.queue_errors import OutcomeUnknown
from services.ingest.http.request_checks import Takes
from services.ingest.http.responses import Status
from services.ingest.journal.append import entries_of
from shared import metrics
from shared.auth.authentication import grant_in
from shared.event_kinds import KINDS
from shared.http.concurrency import Place, place_of
from shared.http.middleware import request_id_of
from shared.messages import Event, SessionStart

ONE_EVENT: Final = Takes((b"application/json",), MAX_SINGLE_BYTES)
BATCH: Final = Takes((b"application/json", b"application/x-ndjson"), MAX_BATCH_BYTES)

_ACCEPTED: Final = {struct: metrics.EVENTS_ACCEPTED.labels(kind.tag) for struct, kind in KINDS.items()}


class Write(Struct, frozen=True):
    """A request that may be accepted: its body has arrived, its key is not taken by another body."""

    ingest: Ingest
    place: Place
    route: str
    media_type: bytes
    body: bytes
    key: str | None
    preference: Preference
    request_id: str
    received_at: datetime
    # Of the key, if it is bound to one, and to some.
    user: str | None
    project_ids: Collection[int] | None

    def derived_id(self, *more: str) -> UUID | None:
        """The id that the Idempotency-Key stands for on this route; None without one."""
        return idempotency.derived_id(self.route, self.key, *more) if self.key else None


def bound_user(request: Request) -> str | None:
    """Whose the writes of the request's key are; None if it is not bound."""
    grant = grant_in(request.scope)
    return grant.user if grant else None


def route_of(request: Request) -> str:
    """Within what an Idempotency-Key means one thing: the path, and of a bound key its user. Two users may choose the same."""
    path: str = request.scope["path"]
    user = bound_user(request)
    return path if user is None else f"{path}\n{user}"


async def receive(request: Request, takes: Takes) -> Write:
    """Lets a request in: there is room, it has the right form, its body is complete, its key is free for it."""
    ingest = ingest_of(request)
    ingest.backlog.check()
    request_checks.check_query(request)
    headers = request_checks.headers_of(request)
    media_type = request_checks.media_type_of(headers, takes)
    request_checks.check_declared_size(headers, takes.max_bytes)
    key = idempotency.read_key(headers.get(b"idempotency-key"))
    body = await request_checks.read_body(request, max_bytes=takes.max_bytes, seconds=ingest.settings.body_seconds)
    request_deadline.begin()
    user = bound_user(request)
    route = route_of(request)
    if key:
        await ingest.claimed_keys.claim(route, key, body)
    place = place_of(request.scope)
    preference = preference_in(headers, place)
    grant = grant_in(request.scope)
    project_ids = grant.project_ids if grant else None
    return Write(ingest, place, route, media_type, body, key, preference, request_id_of(request), datetime.now(UTC), user, project_ids)


async def keep(
    write: Write,
    events: Sequence[Event],
    sizes: Sequence[int],
    started: dict[str, KnownSession] | None = None,
    inferred: Collection[UUID] = (),
) -> Outcome:
    """Puts the events into the journal, with what is now known of sessions; then waits if that was asked for. `inferred`: ids of the tool
    calls whose session was found here."""
    if not events:
        return QUEUED
    ingest = write.ingest
    entries = entries_of(
        events,
        sizes,
        request_id=write.request_id,
        received_at=write.received_at,
        partitions=ingest.settings.journal_partitions,
        inferred=inferred,
    )
    try:
        positions = await ingest.journal.append(entries, notes_of(started) if started else ())
    except OutcomeUnknown as error:
        error.details |= _to_repeat(events)
        raise
    if started:
        ingest.sessions.remember(started)
    if len(events) == 1:
        _ACCEPTED[type(events[0])].inc()
    else:
        for kind, count in Counter(map(type, events)).items():
            _ACCEPTED[kind].inc(count)
    return await wait_for(write.preference, write.place, ingest.entry_watch, ingest.registry, positions, events)


async def keep_one(write: Write, event: Event, started: dict[str, KnownSession] | None = None, inferred: Collection[UUID] = ()) -> Status:
    """Keeps the only event of a request. Conflict if it was waited for, and its id turned out to be another event's."""
    outcome = await keep(write, [event], [len(write.body)], started, inferred)
    if outcome.conflicts:
        raise id_taken()
    return outcome.status


def _to_repeat(events: Sequence[Event]) -> dict[str, Any]:
    """What makes the same events of a request that is sent again: the ids that were made here, whoever made them. Of a batch in the items' order."""
    if len(events) > 1:
        return {"ids": [event.id for event in events]}
    [event] = events
    return {"id": event.id, "session_id": event.session_id} if isinstance(event, SessionStart) else {"id": event.id}
