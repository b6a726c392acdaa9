"""A session's start and its end, each from request to answer. The start is the only write of ingest that goes to Postgres."""

from datetime import datetime
from uuid import uuid4

from fastapi import Request, Response
from msgspec import UNSET

from services.ingest.events.decode import decode_event, time_of
from services.ingest.events.event_ids import derived_id, new_id
from services.ingest.events.ignored_fields import ignored_fields
from services.ingest.events.key_binding import check_session, check_start, set_user
from services.ingest.events.redact_events import redact_body
from services.ingest.events.session_cache import CachedSession
from services.ingest.events.write_event import SINGLE_BODY, Write, admit_write, append, wait_for_one
from services.ingest.http.responses import SessionEnded, SessionStarted
from services.ingest.postgres.events import sessions
from shared.events.messages import SessionEnd, SessionStart
from shared.events.project_paths import name_of
from shared.http.errors import invalid
from shared.http.middleware import json_response


async def start_session(request: Request) -> Response:
    """`POST /api/sessions/start`: 201 with ids that can be used at once. Project and session are in Postgres, the start is in the journal."""
    write = await admit_write(request, SINGLE_BODY)
    start = decode_event(write.body, SessionStart, write.received_at)
    if write.ingest.settings.redact:
        await redact_body(start, write.body)
    set_user(write.binding, [start])
    session_id = start.session_id = start.session_id or _new_session_id(write, start)
    start.id = start.id or write.derived_id() or new_id()
    await write.ingest.tombstones.check(("session", session_id), ("user", start.user), ("project", start.project_path))
    await check_start(write.ingest.database, write.binding, session_id, start.project_path)
    if write.binding.user is not None and (existing := (await write.ingest.session_cache.find({session_id})).get(session_id)):
        await check_session(write.ingest.session_cache, write.binding, session_id, existing)
    session = await _register(write, start, session_id)
    positions = await append(write, [start], [len(write.body)], started={session_id: session})
    status = await wait_for_one(write, positions, start)
    answer = SessionStarted(
        session_id=session_id,
        project_id=session.project_id,
        status=status if write.preference.wait_seconds else UNSET,
        ignored_fields=ignored_fields(write.body, SessionStart) or UNSET,
    )
    return json_response(answer, 201, write.headers)


def _new_session_id(write: Write, start: SessionStart) -> str:
    """An id for a session that names none. A request that is sent again with the same id or idempotency key gets the same."""
    if start.id:
        return str(derived_id("session", str(start.id)))
    return str(write.derived_id("session") or uuid4())


async def _register(write: Write, start: SessionStart, session_id: str) -> CachedSession:
    """Makes project and session if they are missing. Gives the start the path of the project that the session really has."""
    # Redis before Postgres: while the queue is away, nothing must be left behind in Postgres.
    in_redis = (await write.ingest.session_cache.find_in_redis([session_id])).get(session_id)
    registered = await sessions.ensure(write.ingest.database, session_id, path=start.project_path, name=name_of(start.project_path))
    start.project_path = registered.project_path
    session = CachedSession(registered.project_id, registered.started_at).merged(in_redis)
    return session.merged(CachedSession(started_at=start.start_time, user=start.user))


async def end_session(request: Request) -> Response:
    """`POST /api/sessions/end`: 200 once the end is in the journal. The worker keeps the latest of several ends."""
    write = await admit_write(request, SINGLE_BODY)
    end = decode_event(write.body, SessionEnd, write.received_at)
    if write.ingest.settings.redact:
        await redact_body(end, write.body)
    end.id = end.id or write.derived_id() or new_id()
    end_time = time_of(end)
    session = await _find_ending(write, end.session_id, end_time)
    check_end(end_time, session)
    await check_session(write.ingest.session_cache, write.binding, end.session_id, session)
    positions = await append(write, [end], [len(write.body)])
    status = await wait_for_one(write, positions, end)
    answer = SessionEnded(
        session_id=end.session_id,
        project_id=session.project_id or None,
        id=end.id,
        status=status,
        ignored_fields=ignored_fields(write.body, SessionEnd) or UNSET,
    )
    return json_response(answer, 200, write.headers)


async def _find_ending(write: Write, session_id: str, end_time: datetime) -> CachedSession:
    """The session. This process' cache may be outdated, so Redis and Postgres are asked too before the end is refused."""
    cache = write.ingest.session_cache
    session = await cache.get(session_id)
    if session.project_id == 0 or _is_before_start(end_time, session):
        session = session.merged((await cache.find_in_redis([session_id])).get(session_id))
        session = session.merged((await cache.find_in_postgres([session_id])).get(session_id))
        cache.remember({session_id: session})
    return session


def check_end(end_time: datetime, session: CachedSession) -> None:
    """BadRequest if a session would end before it began."""
    if _is_before_start(end_time, session):
        assert session.started_at is not None
        raise invalid("end_time", f"is before the session's start, {session.started_at:%Y-%m-%dT%H:%M:%SZ}")


def _is_before_start(end_time: datetime, session: CachedSession) -> bool:
    return session.started_at is not None and end_time < session.started_at
