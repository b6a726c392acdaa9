"""Limits what a bound API key may write.

If a key is bound to a user, its events are that user's, and sessions of other users are refused (403).
If a key is bound to projects, it gets 404 for sessions of other projects, as when it reads. It starts sessions in its own projects only,
and makes no new project (403).
"""

from collections.abc import Collection, Iterable
from contextlib import suppress

from fastapi import Request
from msgspec.structs import replace

from services.ingest.events.session_cache import CachedSession, SessionCache, unknown_session
from services.ingest.postgres.database import Database
from services.ingest.postgres.events import sessions
from shared.auth.authentication import grant_of
from shared.events.event_kinds import KINDS
from shared.events.messages import UNBOUND, Binding, Event
from shared.http.errors import Forbidden, Unavailable


def binding_of(request: Request) -> Binding:
    """The binding of the request's API key. A request without a key is not bound."""
    grant = grant_of(request.scope)
    return Binding(grant.user, grant.project_ids) if grant else UNBOUND


def bound(binding: Binding) -> Binding | None:
    """As the journal carries it: None if the key is bound to nothing."""
    return None if binding == UNBOUND else binding


def set_user(binding: Binding, events: Iterable[Event]) -> None:
    """Sets the bound user in the events, even if they name another user."""
    if binding.user is not None:
        for event in events:
            if (field := KINDS[type(event)].user_field) is not None:
                setattr(event, field, binding.user)


def user_of(event: Event) -> str | None:
    """The user that an event names; None if it names none, or if its kind has none."""
    field = KINDS[type(event)].user_field
    user: str | None = getattr(event, field) if field else None
    return user


async def check_session(cache: SessionCache, binding: Binding, session_id: str, session: CachedSession) -> None:
    """NotFound if the session is outside the key's projects, Forbidden if it is another user's."""
    if not await in_projects(cache, binding, {session_id: session}):
        raise unknown_session(session_id)
    if binding.user is not None:
        session = (await with_users(cache, binding, {session_id: session}))[session_id]
        if is_other_users(binding, session):
            raise other_users_session()


async def check_start(database: Database, binding: Binding, session_id: str, path: str) -> int:
    """The project of a session that starts, 0 for an unbound key. Forbidden if the key is not bound to that project."""
    if binding.project_ids is None:
        return 0
    project_id = await sessions.project_of(database, session_id, path)
    if project_id not in binding.project_ids:
        raise other_project()
    return project_id or 0


async def in_projects(cache: SessionCache, binding: Binding, found: dict[str, CachedSession]) -> dict[str, CachedSession]:
    """The sessions that are in the key's projects, with their projects. A session whose project is not known yet is left out."""
    if binding.project_ids is None:
        return found
    if without_project := [session_id for session_id, session in found.items() if not session.project_id]:
        stored = await cache.find_in_postgres(without_project)
        found = found | {session_id: found[session_id].merged(session) for session_id, session in stored.items()}
    # A project may have become part of another, or have been taken out, since this process cached the session.
    if elsewhere := [session_id for session_id, session in found.items() if session.project_id not in binding.project_ids]:
        stored = await cache.find_in_postgres(elsewhere)
        found = found | {session_id: replace(found[session_id], project_id=session.project_id) for session_id, session in stored.items()}
    return {session_id: session for session_id, session in found.items() if session.project_id in binding.project_ids}


async def with_users(cache: SessionCache, binding: Binding, found: dict[str, CachedSession]) -> dict[str, CachedSession]:
    """The sessions, with the users that Redis knows. This process may have cached a session before its user was known, or before a rename."""
    if binding.user is None:
        return found
    if without_user := [session_id for session_id, session in found.items() if session.user is None]:
        in_redis = await cache.find_in_redis(without_user)
        found = found | {session_id: found[session_id].merged(session) for session_id, session in in_redis.items()}
    return await with_present_names(cache, binding, found)


async def with_present_names(cache: SessionCache, binding: Binding, found: dict[str, CachedSession]) -> dict[str, CachedSession]:
    """The sessions; those of the key's user under another of its names have the name that the key has. Asks Postgres if a name differs."""
    if binding.user is None or not any(is_other_users(binding, session) for session in found.values()):
        return found
    names = await cache.names_of(binding.user)
    renamed = {
        session_id: replace(session, user=binding.user)
        for session_id, session in found.items()
        if is_other_users(binding, session) and session.user in names
    }
    cache.remember(renamed)
    return found | renamed


async def started_before(cache: SessionCache, binding: Binding, session_ids: Collection[str]) -> dict[str, CachedSession]:
    """Postgres' rows of sessions that are started again. Empty while Postgres is away: events are then accepted without them."""
    if binding.user is None:
        return {}
    with suppress(Unavailable):
        return await cache.find_in_postgres(session_ids)
    return {}


def is_other_users(binding: Binding, session: CachedSession) -> bool:
    """Whether a session is known to be another user's than the key's."""
    return binding.user is not None and session.user not in (None, binding.user)


def other_users_session() -> Forbidden:
    """The 403 for a session of another user."""
    return Forbidden(
        "This session is another user's, and the key is bound to one; use a key of that user, or one that is not bound.",
        details={"session_id": "another user's"},
    )


def other_users_machine() -> Forbidden:
    """The 403 for a machine of another user."""
    return Forbidden(
        "This machine is another user's, and the key is bound to one; use a key of that user, or a new id of the machine.",
        details={"machine_id": "another user's"},
    )


def other_project() -> Forbidden:
    """The 403 for the start of a session in another project."""
    return Forbidden(
        "This key is bound to projects, and the session would be in another; use a key of that project, or one that is not bound.",
        details={"project_path": "of another project than the key's"},
    )
