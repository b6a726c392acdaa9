"""Many events in one request, from request to answer. Each item is accepted or rejected by itself; the accepted ones are appended together."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from msgspec import UNSET, Struct

from services.ingest.events.decode import Batch, decode_batch, event_id, is_lines, time_of
from services.ingest.events.event_ids import new_ids
from services.ingest.events.key_binding import (
    check_start,
    in_projects,
    is_other_users,
    other_users_session,
    set_user,
    started_before,
    user_of,
    with_present_names,
    with_users,
)
from services.ingest.events.redact_events import LARGE_BATCH_BYTES, redact_batch, run
from services.ingest.events.session_cache import CachedSession, unknown_session
from services.ingest.events.wait import id_taken, wait_for
from services.ingest.events.write_event import BATCH_BODY, Write, admit_write, append, infer_session
from services.ingest.events.write_session import check_end
from services.ingest.http.responses import BatchAccepted, RejectedItem
from shared import metrics
from shared.events.event_kinds import KINDS
from shared.events.messages import Event, SessionEnd, SessionStart
from shared.http.errors import ApiError, Forbidden, invalid
from shared.http.middleware import json_response

# In the journal an event also has the id and the time that the client may have left out.
_ADDED_BYTES = 100


class _Item(Struct, frozen=True):
    index: int
    event: Event
    size: int


async def write_batch(request: Request) -> Response:
    """`POST /api/events`: 200 with the number of accepted items, all on the journal's disk, and the rejected ones with their reasons."""
    write = await admit_write(request, BATCH_BODY)
    is_large = len(write.body) > LARGE_BATCH_BYTES
    batch = await run(decode_batch, write.body, is_lines(write.body, write.media_type), write.received_at, in_thread=is_large)
    _refuse_broken_body(batch)
    if write.ingest.settings.redact:
        await redact_batch(batch)
    items, rejected = _items(write, batch)
    set_user(write.binding, [item.event for item in items])
    items, in_other_projects, project_of = await _check_starts(write, items)
    started = _started_sessions(items, project_of)
    items, without_session = _check_sessions(write, items, await _find_sessions(write, items, started))
    started = {session_id: session for session_id, session in started.items() if not is_other_users(write.binding, session)}
    inferred = await _infer_sessions(write, items)
    events = [item.event for item in items]
    positions = await append(write, events, [item.size for item in items], started=started, inferred=inferred)
    outcome = await wait_for(write.ingest, write.slot, write.preference, positions, events)
    conflicting = _conflicting(items, outcome.conflicts)
    answer = BatchAccepted(
        accepted=len(items) - len(conflicting),
        rejected=sorted(rejected + in_other_projects + without_session + conflicting, key=lambda item: item.index),
        status=outcome.status if write.preference.wait_seconds else UNSET,
        ignored_fields=batch.ignored or UNSET,
    )
    return json_response(answer, 200, write.headers)


def _refuse_broken_body(batch: Batch) -> None:
    """Raises the error of a body that is one item and no JSON: there are no other items to accept."""
    if len(batch.events) == 1 and isinstance(error := batch.events[0], ApiError) and error.code == "INVALID_JSON":
        raise error


def _items(write: Write, batch: Batch) -> tuple[list[_Item], list[RejectedItem]]:
    """The items that are events, with their ids, and the rejected ones."""
    items: list[_Item] = []
    rejected: list[RejectedItem] = []
    ids = _ids(write, len(batch.events))
    for index, (event, text, own_id) in enumerate(zip(batch.events, batch.items, ids, strict=True)):
        if isinstance(event, ApiError):
            rejected.append(_reject(index, event))
        elif isinstance(event, SessionStart) and event.session_id is None:
            rejected.append(_reject(index, invalid("session_id", "is required for a session_start in a batch")))
        else:
            event.id = event.id or own_id
            items.append(_Item(index, event, len(text) + _ADDED_BYTES))
    return items, rejected


def _ids(write: Write, count: int) -> Sequence[UUID | None]:
    """Ids for the items that bring none: derived from the idempotency key and the item's index, else new."""
    return [write.derived_id(str(index)) for index in range(count)] if write.key else new_ids(count)


def _reject(index: int, error: ApiError) -> RejectedItem:
    metrics.EVENTS_REFUSED.labels(error.code).inc()
    return RejectedItem(index=index, code=error.code, message=error.message)


async def _check_starts(write: Write, items: list[_Item]) -> tuple[list[_Item], list[RejectedItem], dict[str, int]]:
    """Rejects starts outside of the projects that the API key is bound to, and of what was erased.

    Gives the other items, the rejected ones, and projects by session. For a key that is not bound to projects these are not looked up.
    """
    project_of: dict[str, int] = {}
    items, rejected = await _without_erased(write, items)
    if write.binding.project_ids is None:
        return items, rejected, project_of
    accepted: list[_Item] = []
    for item in items:
        try:
            if isinstance(item.event, SessionStart) and item.event.session_id:
                session_id = item.event.session_id
                project_of[session_id] = await check_start(write.ingest.database, write.binding, session_id, item.event.project_path)
            accepted.append(item)
        except Forbidden as error:
            rejected.append(_reject(item.index, error))
    return accepted, rejected, project_of


async def _without_erased(write: Write, items: list[_Item]) -> tuple[list[_Item], list[RejectedItem]]:
    """Without starts of what was erased, as far as it is known: such a batch is accepted without Postgres, and the worker leaves them out."""
    names = {item.index: _names_of(item.event) for item in items if isinstance(item.event, SessionStart)}
    gone = await write.ingest.tombstones.known_among(name for each in names.values() for name in each)
    if not gone:
        return items, []
    refusals = {index: gone[name] for index, each in names.items() for name in each if name in gone}
    rejected = [_reject(index, refusal) for index, refusal in refusals.items()]
    return [item for item in items if item.index not in refusals], rejected


def _names_of(start: SessionStart) -> list[Any]:
    return [("session", start.session_id), ("user", start.user), ("project", start.project_path)]


def _started_sessions(items: Iterable[_Item], project_of: dict[str, int]) -> dict[str, CachedSession]:
    """The sessions that the batch starts, at any position."""
    started: dict[str, CachedSession] = {}
    for item in items:
        event = item.event
        if isinstance(event, SessionStart) and event.session_id:
            start = CachedSession(project_of.get(event.session_id, 0), event.start_time, event.user)
            started[event.session_id] = start.merged(started.get(event.session_id))
    return started


async def _find_sessions(write: Write, items: Iterable[_Item], started: dict[str, CachedSession]) -> dict[str, CachedSession]:
    """The sessions of the batch that exist or start in it. Adds to `started` what was known of those sessions before."""
    cache, binding = write.ingest.session_cache, write.binding
    named = {item.event.session_id for item in items if item.event.session_id is not None}
    found = await with_users(cache, binding, await cache.find(named - started.keys()))
    if started:
        # Not Postgres: a batch that brings its sessions along is accepted without it.
        for session_id, in_redis in (await cache.find_in_redis(started.keys())).items():
            started[session_id] = in_redis.merged(started[session_id])
        for session_id, stored in (await started_before(cache, binding, started.keys())).items():
            started[session_id] = stored.merged(started[session_id])
        started |= await with_present_names(cache, binding, started)
    return await in_projects(cache, binding, found) | started


def _check_sessions(write: Write, items: Iterable[_Item], found: dict[str, CachedSession]) -> tuple[list[_Item], list[RejectedItem]]:
    """Rejects items whose session does not exist or is another user's, and ends before their start."""
    accepted: list[_Item] = []
    rejected: list[RejectedItem] = []
    for item in items:
        session_id = item.event.session_id
        try:
            if session_id is not None and session_id not in found:
                raise unknown_session(session_id)
            if session_id is not None and is_other_users(write.binding, found[session_id]):
                raise other_users_session()
            if isinstance(item.event, SessionEnd):
                check_end(time_of(item.event), found[item.event.session_id])
            accepted.append(item)
        except ApiError as error:
            rejected.append(_reject(item.index, error))
    return accepted, rejected


async def _infer_sessions(write: Write, items: Iterable[_Item]) -> set[UUID]:
    """Infers the session of the events that name none and may do so. Gives their ids."""
    events = [item.event for item in items if item.event.session_id is None and KINDS[type(item.event)].joins_open_session]
    session_of = {user: await infer_session(write, user) for user in set(map(user_of, events))}
    for event in events:
        event.session_id = session_of[user_of(event)]
    return set(map(event_id, events))


def _conflicting(items: Iterable[_Item], conflicts: Collection[UUID]) -> list[RejectedItem]:
    """Rejects the items that were not stored. If two items have one id, the later one is rejected."""
    last = {item.event.id: item for item in items if item.event.id in conflicts}
    return [_reject(item.index, id_taken()) for item in last.values()]
