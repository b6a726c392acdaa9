"""A key that is bound to a user: what it writes is that user's, and sessions of other users are not for it.

One that is bound to projects writes into those alone. Other sessions are for it, as when it reads, not there: 404. It starts sessions in its
projects only, and makes no new one.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress

from services.ingest.events.session_cache import KnownSession, unknown_session
from services.ingest.events.write_event import Write
from shared.event_kinds import KINDS
from shared.http.errors import Forbidden, Unavailable
from shared.messages import Event


def give_user(write: Write, events: Iterable[Event]) -> None:
    """Makes the events the bound user's, whatever they say."""
    if write.user is not None:
        for event in events:
            if (field := KINDS[type(event)].user_field) is not None:
                setattr(event, field, write.user)


def user_of(event: Event) -> str | None:
    """The user that an event names; None if it names none, or its kind has none."""
    field = KINDS[type(event)].user_field
    user: str | None = getattr(event, field) if field else None
    return user


async def with_owners(write: Write, known: dict[str, KnownSession]) -> dict[str, KnownSession]:
    """The sessions, and whose they are as far as Redis knows: this process may remember one from before somebody said so."""
    if write.user is None or not (doubtful := [session_id for session_id, session in known.items() if session.user is None]):
        return known
    noted = await write.ingest.sessions.noted(doubtful)
    return known | {session_id: known[session_id].merged(note) for session_id, note in noted.items()}


async def of_older(write: Write, session_ids: Collection[str]) -> dict[str, KnownSession]:
    """What Postgres knows of sessions that are started again. While it is away nothing: events are accepted all the same."""
    if write.user is None:
        return {}
    with suppress(Unavailable):
        return await write.ingest.sessions.registered(session_ids)
    return {}


def is_foreign(write: Write, known: KnownSession) -> bool:
    """Whether a session is known to be another user's than the key's."""
    return write.user is not None and known.user not in (None, write.user)


def not_yours() -> Forbidden:
    """The 403."""
    return Forbidden(
        "This session is another user's, and the key is bound to one; use a key of that user, or one that is not bound.",
        details={"session_id": "another user's"},
    )


def not_your_project() -> Forbidden:
    """The 403 for a start."""
    return Forbidden(
        "This key is bound to projects, and the session would be in another; use a key of that project, or one that is not bound.",
        details={"project_path": "of another project than the key's"},
    )


async def with_projects(write: Write, known: dict[str, KnownSession]) -> dict[str, KnownSession]:
    """Of the sessions those that the key may write into, with their projects. One whose project nobody knows yet is not."""
    if write.project_ids is None:
        return known
    if doubtful := [session_id for session_id, session in known.items() if not session.project_id]:
        registered = await write.ingest.sessions.registered(doubtful)
        known = known | {session_id: known[session_id].merged(session) for session_id, session in registered.items()}
    return {session_id: session for session_id, session in known.items() if session.project_id in write.project_ids}


async def check_start(write: Write, session_id: str, path: str) -> int:
    """The project in which the session will be, 0 if that does not matter. Forbidden if it is none of the key's."""
    if write.project_ids is None:
        return 0
    project_id = await write.ingest.registry.project_of(session_id, path)
    if project_id not in write.project_ids:
        raise not_your_project()
    return project_id or 0


async def check_owner(write: Write, session_id: str, known: KnownSession) -> None:
    """NotFound if the session is in another project than the key's, Forbidden if it is another user's."""
    if not await with_projects(write, {session_id: known}):
        raise unknown_session(session_id)
    if write.user is not None and is_foreign(write, (await with_owners(write, {session_id: known}))[session_id]):
        raise not_yours()
