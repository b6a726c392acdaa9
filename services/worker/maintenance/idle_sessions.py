"""Close idle sessions, remove dead consumers. Beat looks whether there are any (services/worker/sweep/scheduler.py)."""

import structlog

from services.worker.drain import consumer_fencing
from services.worker.drain.stream_reader import make_group
from services.worker.persist.live.close_idle import MOST_SESSIONS, close_idle
from services.worker.persist.live.feed_items import append_to_feed
from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import DEAD_CONSUMER_SECONDS
from shared.journal.partitions import streams_in_use
from shared.journal.streams import GROUP

log = structlog.get_logger()


def close_idle_sessions(worker: Resources) -> int:
    """Closes every session without an event for `session_idle_seconds`, as of its last event. Returns their number."""
    total = 0
    while True:
        with worker.transaction() as connection:
            closed, for_feed = close_idle(connection, worker.settings.session_idle_seconds)
        append_to_feed(worker.redis, for_feed)
        total += closed
        if closed < MOST_SESSIONS:
            break
    if total:
        log.info("idle_sessions_closed", sessions=total)
    return total


def remove_dead_consumers(worker: Resources) -> int:
    """Removes consumers without pending entries, and their rows. One with pending entries stays until they are taken over."""
    removed = 0
    living: set[str] = set()
    for stream in streams_in_use(worker.redis, worker.settings.journal_partitions):
        # A partition that was never written to, or was recreated, has no group yet.
        make_group(worker.redis, stream)
        for consumer in worker.redis.xinfo_consumers(stream, GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > DEAD_CONSUMER_SECONDS * 1000:
                worker.redis.xgroup_delconsumer(stream, GROUP, consumer["name"])
                removed += 1
            else:
                living.add(consumer["name"].decode())
    with worker.transaction() as connection:
        consumer_fencing.delete_gone(connection, living, DEAD_CONSUMER_SECONDS)
    return removed
