"""The changes by the files of clients' processes: sessions whose process is gone end at once, and the live feed is told of every other state."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from services.worker.persist.live.feed_items import FeedSession, ended_item, feed_sessions, reopened_item, tell_states
from services.worker.sweep.sweep_statements import CLOSE_GONE_SESSIONS, OPEN_LIVING_SESSIONS
from shared.feed import FeedItem


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
