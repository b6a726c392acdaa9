"""Which session a tool call belongs to that names none: the only open one, if there is exactly one."""

from services.ingest.events.write_event import Write


async def only_open_session(write: Write, user: str | None) -> str | None:
    """The only open session of a user, or of anyone, in the projects of the key; None if there is none or more than one.

    A session whose start is still on its way to Postgres has no user there yet: whose it is, is in its note.
    """
    ingest = write.ingest
    rows = await ingest.registry.open_sessions(user, write.project_ids)
    found = {row["session_id"] for row in rows if row["applied"]}
    starting = {row["session_id"] for row in rows if not row["applied"]}
    if user is not None and starting:
        known = await ingest.sessions.find(starting)
        starting = {session_id for session_id in starting if session_id in known and known[session_id].user == user}
    candidates = found | starting
    return candidates.pop() if len(candidates) == 1 else None
