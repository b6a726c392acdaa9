"""Closing sessions in which nothing happens any more: by the sweep, and as an import stores them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from services.worker.persist.live.feed_items import idle_items
from services.worker.persist.live.session_signs import RECENT, forget_signs
from services.worker.sweep.sweep_statements import CLOSE_IDLE_SESSIONS
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
