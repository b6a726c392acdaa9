"""What beat has done now and then: idle sessions are closed, dead consumers forgotten."""

import structlog
from sqlalchemy import text

from services.worker.drain import consumer_fencing
from services.worker.drain.stream_reader import make_group
from services.worker.resources import Resources
from shared.journal.partitions import streams_in_use
from shared.journal.streams import GROUP

log = structlog.get_logger()

# A consumer that has not read for this long and holds nothing is of a process that is gone.
DEAD_CONSUMER_IDLE_MS = 3_600_000

# The condition is the predicate of the index sessions_open. A session that is being written to is left for the next time.
CLOSE_IDLE = text("""
    UPDATE sessions SET idle_closed_at = last_event_at WHERE session_id IN (
        SELECT session_id FROM sessions
        WHERE counted AND NOT (coalesce(ended_at >= last_event_at, false) OR coalesce(idle_closed_at >= last_event_at, false))
          AND last_event_at < now() - make_interval(secs => :idle_seconds)
        ORDER BY last_event_at LIMIT 1000 FOR UPDATE SKIP LOCKED)""")


def close_idle_sessions(worker: Resources) -> int:
    """Closes every session whose last event is `session_idle_seconds` ago, at that event. Gives their number."""
    total = 0
    while True:
        with worker.engine.begin() as connection:
            closed = connection.execute(CLOSE_IDLE, {"idle_seconds": worker.settings.session_idle_seconds}).rowcount
        total += closed
        if closed < 1000:
            break
    if total:
        log.info("idle_sessions_closed", sessions=total)
    return total


def remove_dead_consumers(worker: Resources) -> int:
    """Removes consumers without pending entries, and their rows; one with some is left until they have been taken over."""
    removed = 0
    living: set[str] = set()
    for stream in streams_in_use(worker.redis, worker.settings.journal_partitions):
        # A partition that was never written to has no group either, and one that is made anew is nobody's yet.
        make_group(worker.redis, stream)
        for consumer in worker.redis.xinfo_consumers(stream, GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > DEAD_CONSUMER_IDLE_MS:
                worker.redis.xgroup_delconsumer(stream, GROUP, consumer["name"])
                removed += 1
            else:
                living.add(consumer["name"].decode())
    with worker.transaction() as connection:
        consumer_fencing.forget_gone(connection, living, DEAD_CONSUMER_IDLE_MS / 1000)
    return removed
