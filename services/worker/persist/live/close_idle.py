"""Closing sessions in which nothing happens any more: by the sweep, and as an import stores them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from services.worker.persist.live.feed_items import FeedSession, ended_item, feed_sessions, idle_items, reopened_item, tell_states
from services.worker.persist.live.session_signs import RECENT, forget_signs
from services.worker.sweep.sweep_statements import CLOSE_GONE_SESSIONS, CLOSE_IDLE_SESSIONS, OPEN_LIVING_SESSIONS
from shared.feed import FeedItem

MOST_SESSIONS: Final = 1000


def close_idle(
    connection: Connection[Any], idle_seconds: int, *, job_number: int | None = None, session_ids: Collection[str] | None = None
) -> tuple[int, list[FeedItem]]:
    """Closes up to MOST_SESSIONS sessions without an event for so long, as of their last event.

    With `job_number`, only those that the import brought; with `session_ids`, only these. A transaction that stores history closes it so itself: an old
    session is never open, not even until the next sweep.

    Returns how many, and what the live feed is told of them after the commit.
    """
    parameters = {
        "idle_seconds": idle_seconds,
        "job_number": job_number,
        "session_ids": session_ids and list(session_ids),
        "at_most": MOST_SESSIONS,
    }
    closed = [session_id for (session_id,) in connection.execute(CLOSE_IDLE_SESSIONS, parameters)]
    forget_signs(connection, closed)
    history_before = datetime.now(UTC) - RECENT - timedelta(seconds=idle_seconds)
    return len(closed), idle_items(connection, closed, history_before)


def follow_processes(connection: Connection[Any], session_ids: Sequence[str]) -> None:
    """Closes those of these sessions that have had no event since the last of their processes was gone, and opens those that have one again.

    Asked for whenever a process or an event was stored: then it does not matter which came first. Signs stay, since a session may be resumed.
    """
    for command in (OPEN_LIVING_SESSIONS, CLOSE_GONE_SESSIONS):
        connection.execute(command, {"session_ids": list(session_ids)})


def told_changes(connection: Connection[Any], before: dict[str, FeedSession], session_ids: list[str]) -> list[FeedItem]:
    """The items for the feed, in the transaction that stored what processes say."""
    sessions = feed_sessions(connection, session_ids)
    items = []
    for session_id, session in sessions.items():
        was = before.get(session_id)
        if was is None or not (was.is_open or session.is_open):
            continue
        if not session.is_open:
            items.append(ended_item(session))
        elif not was.is_open:
            items.append(reopened_item(session))
        elif (session.does, session.state_source, session.since) != (was.does, was.state_source, was.since):
            items.append(FeedItem(kind="state_changed", timestamp=session.since, **session.owner()))
    tell_states(items, sessions)
    return items
