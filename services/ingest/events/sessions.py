"""A session's start, the one write of ingest that goes to Postgres, and its end."""

from datetime import datetime
from uuid import uuid4

from fastapi import Request, Response
from msgspec import UNSET

from services.ingest.events import decode
from services.ingest.events.decode_and_redact import event_of
from services.ingest.events.ownership import check_owner, check_start, give_user
from services.ingest.events.session_cache import KnownSession
from services.ingest.events.write_event import ONE_EVENT, Write, keep_one, receive
from services.ingest.http.idempotency import derived_id, new_id
from services.ingest.http.responses import SessionEnded, SessionStarted
from shared.http.errors import invalid
from shared.http.middleware import json_response
from shared.messages import SessionEnd, SessionStart
from shared.project_paths import name_of


async def start_session(request: Request) -> Response:
    """201 with ids that are usable at once: project and session are in Postgres, the start is in the journal."""
    write = await receive(request, ONE_EVENT)
    start = await event_of(write, SessionStart)
    give_user(write, [start])
    session_id = start.session_id = start.session_id or _minted_session_id(write, start)
    start.id = start.id or write.derived_id() or new_id()
    await check_start(write, session_id, start.project_path)
    if write.user is not None and (known := (await write.ingest.sessions.find({session_id})).get(session_id)):
        await check_owner(write, session_id, known)
    known = await _register(write, start, session_id)
    status = await keep_one(write, start, {session_id: known})
    answer = SessionStarted(session_id=session_id, project_id=known.project_id, status=status if write.preference.wait_seconds else UNSET)
    return json_response(answer, 201, write.preference.headers)


def _minted_session_id(write: Write, start: SessionStart) -> str:
    """The same for a request that is sent again."""
    if start.id:
        return str(derived_id("session", str(start.id)))
    return str(write.derived_id("session") or uuid4())


async def _register(write: Write, start: SessionStart, session_id: str) -> KnownSession:
    """Makes project and session if they are missing, and gives the start the path of the project that the session really has."""
    # Redis before Postgres: with the queue away, nothing must be left behind there.
    noted = (await write.ingest.sessions.noted([session_id])).get(session_id)
    registered = await write.ingest.registry.ensure_session(session_id, path=start.project_path, name=name_of(start.project_path))
    start.project_path = registered.project_path
    known = KnownSession(registered.project_id, registered.started_at).merged(noted)
    return known.merged(KnownSession(started_at=start.start_time, user=start.user))


async def end_session(request: Request) -> Response:
    """200 once the end is in the journal. Of several ends the worker keeps the latest."""
    write = await receive(request, ONE_EVENT)
    end = await event_of(write, SessionEnd)
    end.id = end.id or write.derived_id() or new_id()
    known = await _ending(write, end.session_id, decode.time_of(end))
    await check_owner(write, end.session_id, known)
    status = await keep_one(write, end)
    answer = SessionEnded(session_id=end.session_id, project_id=known.project_id or None, id=end.id, status=status)
    return json_response(answer, 200, write.preference.headers)


async def _ending(write: Write, session_id: str, end_time: datetime) -> KnownSession:
    """The session; BadRequest if it began after `end_time`. What this process remembers may be outdated, so a doubt is looked up."""
    sessions = write.ingest.sessions
    known = await sessions.get(session_id)
    if known.project_id == 0 or _is_before_start(end_time, known):
        known = known.merged((await sessions.noted([session_id])).get(session_id))
        known = known.merged((await sessions.registered([session_id])).get(session_id))
        sessions.remember({session_id: known})
    check_end(end_time, known)
    return known


def check_end(end_time: datetime, known: KnownSession) -> None:
    """BadRequest if a session would end before it began."""
    if _is_before_start(end_time, known):
        assert known.started_at is not None
        raise invalid("end_time", f"is before the session's start, {known.started_at:%Y-%m-%dT%H:%M:%SZ}")


def _is_before_start(end_time: datetime, known: KnownSession) -> bool:
    return known.started_at is not None and end_time < known.started_at
