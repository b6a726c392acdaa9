"""Which sessions are open, and why the others ended: the SQL of it, once. `session` is the alias of the table `sessions` in the statement.

A session ends when its client says so, or when the worker closes it: since nothing was heard of it for long, or since its client's process is gone.
An event after that opens it again.
"""


def is_closed(session: str = "sessions") -> str:
    """The condition that its last event is not after its end. False for a session without an event."""
    last = f"{session}.last_event_at"
    return f"(coalesce({session}.ended_at >= {last}, false) OR coalesce({session}.idle_closed_at >= {last}, false))"


def is_open(session: str = "sessions") -> str:
    """The condition, which is the predicate of the index sessions_open. A session of which only a fact is known has no `last_event_at`."""
    return f"{session}.counted AND NOT {is_closed(session)}"


def end_reason(session: str = "sessions") -> str:
    """Why it ended; NULL if it is open, `imported` without an event. A client may write a record while its hook of the end runs."""
    ended, last = f"{session}.ended_at", f"{session}.last_event_at"
    return f"""CASE
        WHEN {ended} >= {last} THEN coalesce({session}.end_reason, 'explicit')
        WHEN {session}.idle_closed_at >= {last} AND {wrote_at_its_end(session)} THEN coalesce({session}.end_reason, 'idle')
        WHEN {session}.idle_closed_at >= {last} AND {session}.gone_at >= {last} THEN 'gone'
        WHEN {session}.idle_closed_at >= {last} THEN 'idle'
        WHEN {last} IS NULL AND {session}.counted THEN 'imported' END"""


def wrote_at_its_end(session: str = "sessions") -> str:
    """The condition that its last event is no more than the records that a client writes while its hook of the end runs."""
    return f"{session}.last_event_at < {session}.ended_at + interval '5 seconds'"


def gone_at(session: str = "sessions") -> str:
    """When the last of its client's processes was gone, or went on with another session; NULL if one lives, or none is known."""
    return f"""(SELECT CASE WHEN bool_and(NOT p.is_alive OR moved.at IS NOT NULL) THEN max(coalesce(moved.at, p.read_at)) END
        FROM session_processes AS p LEFT JOIN LATERAL (
            SELECT min(o.read_at) AS at FROM session_processes AS o
            WHERE o.machine_id = p.machine_id AND o.pid = p.pid AND o.session_id <> p.session_id AND o.read_at > p.read_at) AS moved ON true
        WHERE p.session_id = {session}.session_id)"""
