"""Many events in one request: each item is accepted or rejected by itself, the accepted ones are kept together."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from fastapi import Request, Response
from msgspec import UNSET, Struct

from services.ingest.events.decode import Batch, event_id, time_of
from services.ingest.events.decode_and_redact import batch_of
from services.ingest.events.ownership import (
    check_start,
    give_user,
    is_foreign,
    not_yours,
    of_older,
    user_of,
    with_owners,
    with_projects,
)
from services.ingest.events.session_cache import KnownSession, unknown_session
from services.ingest.events.session_inference import only_open_session
from services.ingest.events.sessions import check_end
from services.ingest.events.wait import id_taken
from services.ingest.events.write_event import BATCH, Write, keep, receive
from services.ingest.http.idempotency import new_ids
from services.ingest.http.responses import BatchAccepted, RejectedItem
from shared import metrics
from shared.event_kinds import KINDS
from shared.http.errors import ApiError, Forbidden, invalid
from shared.http.middleware import json_response
from shared.messages import Event, SessionEnd, SessionStart

# The journal's form has an id and a time that the client may have left out.
_ADDED_BYTES = 100


class _Item(Struct, frozen=True):
    index: int
    event: Event
    size: int


async def accept_batch(request: Request) -> Response:
    """200 with what was accepted, all of it on the journal's disk, and what was rejected and why."""
    write = await receive(request, BATCH)
    items, rejected = _told_apart(write, await batch_of(write))
    give_user(write, [item.event for item in items])
    items, elsewhere, project_of = await _in_projects(write, items)
    rejected += elsewhere
    started = _started(items, project_of)
    items, unacceptable = _acceptable(write, items, await _known(write, items, started))
    started = {session_id: session for session_id, session in started.items() if not is_foreign(write, session)}
    inferred = await _give_sessions(write, items)
    outcome = await keep(write, [item.event for item in items], [item.size for item in items], started, inferred)
    conflicting = _conflicting(items, outcome.conflicts)
    answer = BatchAccepted(
        accepted=len(items) - len(conflicting),
        rejected=sorted(rejected + unacceptable + conflicting, key=lambda item: item.index),
        status=outcome.status if write.preference.wait_seconds else UNSET,
    )
    return json_response(answer, 200, write.preference.headers)


def _told_apart(write: Write, batch: Batch) -> tuple[list[_Item], list[RejectedItem]]:
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
    """Ids for the items that have none of their own: by their place and the Idempotency-Key, else new."""
    return [write.derived_id(str(index)) for index in range(count)] if write.key else new_ids(count)


def _reject(index: int, error: ApiError) -> RejectedItem:
    metrics.EVENTS_REFUSED.labels(error.code).inc()
    return RejectedItem(index=index, code=error.code, message=error.message)


def _started(items: Iterable[_Item], project_of: dict[str, int]) -> dict[str, KnownSession]:
    """The sessions that the batch itself starts, wherever in it; with their projects where those were looked up."""
    started: dict[str, KnownSession] = {}
    for item in items:
        event = item.event
        if isinstance(event, SessionStart) and event.session_id:
            start = KnownSession(project_of.get(event.session_id, 0), event.start_time, event.user)
            started[event.session_id] = start.merged(started.get(event.session_id))
    return started


async def _known(write: Write, items: Iterable[_Item], started: dict[str, KnownSession]) -> dict[str, KnownSession]:
    """All sessions of the batch that exist or begin in it; `started` learns what was known before of those that it starts again."""
    named = {item.event.session_id for item in items if item.event.session_id is not None}
    known = await with_owners(write, await write.ingest.sessions.find(named - started.keys()))
    if started:
        # Not Postgres: a batch that brings its sessions along is taken without it.
        for session_id, noted in (await write.ingest.sessions.noted(started.keys())).items():
            started[session_id] = noted.merged(started[session_id])
        for session_id, registered in (await of_older(write, started.keys())).items():
            started[session_id] = registered.merged(started[session_id])
    return await with_projects(write, known) | started


async def _in_projects(write: Write, items: list[_Item]) -> tuple[list[_Item], list[RejectedItem], dict[str, int]]:
    """Without the starts of sessions that are in none of the key's projects; of the others, the projects, if the key is bound to some."""
    project_of: dict[str, int] = {}
    if write.project_ids is None:
        return items, [], project_of
    kept: list[_Item] = []
    rejected: list[RejectedItem] = []
    for item in items:
        try:
            if isinstance(item.event, SessionStart) and item.event.session_id:
                session_id = item.event.session_id
                project_of[session_id] = await check_start(write, session_id, item.event.project_path)
            kept.append(item)
        except Forbidden as error:
            rejected.append(_reject(item.index, error))
    return kept, rejected, project_of


def _acceptable(write: Write, items: Iterable[_Item], known: dict[str, KnownSession]) -> tuple[list[_Item], list[RejectedItem]]:
    """Without the items of unknown sessions and of those that are not for this key, and without ends before their start."""
    acceptable: list[_Item] = []
    rejected: list[RejectedItem] = []
    for item in items:
        session_id = item.event.session_id
        try:
            if session_id is not None and session_id not in known:
                raise unknown_session(session_id)
            if session_id is not None and is_foreign(write, known[session_id]):
                raise not_yours()
            if isinstance(item.event, SessionEnd):
                check_end(time_of(item.event), known[item.event.session_id])
            acceptable.append(item)
        except ApiError as error:
            rejected.append(_reject(item.index, error))
    return acceptable, rejected


def _conflicting(items: Iterable[_Item], conflicts: Collection[UUID]) -> list[RejectedItem]:
    """The items that were not stored. Of two with one id in a batch it is the later one."""
    last = {item.event.id: item for item in items if item.event.id in conflicts}
    return [_reject(item.index, id_taken()) for item in last.values()]


async def _give_sessions(write: Write, items: Iterable[_Item]) -> set[UUID]:
    """Gives the events that may name no session, and name none, the only open one, and returns their ids."""
    without = [item.event for item in items if item.event.session_id is None and KINDS[type(item.event)].joins_open_session]
    only_open = {user: await only_open_session(write, user) for user in set(map(user_of, without))}
    for event in without:
        event.session_id = only_open[user_of(event)]
    return set(map(event_id, without))
