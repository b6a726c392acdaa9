"""A share's lease is renewed while its worker lives and gets on: to find its place in a large archive again may take longer than a lease.

The same thread looks whether reading stands still. Then the share has failed, and the process ends, since nothing else ends a parser.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog

from services.worker.importers.job import shards
from services.worker.importers.job.shards import LEASE_SECONDS, Share
from services.worker.importers.job.stall_watch import NEEDLESS_SECONDS, StallWatch, end_process
from shared.database import connect_options

log = structlog.get_logger()

RENEW_SECONDS = LEASE_SECONDS / 3


@contextmanager
def renewed(database_url: str, share: Share, watch: StallWatch, renew_seconds: float = RENEW_SECONDS) -> Iterator[None]:
    """Renews from a thread, on a connection of its own, until the block ends or the share is another's."""
    stopping = threading.Event()
    renewer = _Renewer(database_url, share, watch)
    thread = threading.Thread(target=renewer.run, args=(stopping, renew_seconds), name="lease", daemon=True)
    with watch.guarded():
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


class _Renewer:
    def __init__(self, database_url: str, share: Share, watch: StallWatch) -> None:
        self._database_url = database_url
        self._share = share
        self._watch = watch
        self._options = connect_options(statement_timeout_ms=2_000, lock_timeout_ms=2_000, read_only=False)

    def run(self, stopping: threading.Event, renew_seconds: float) -> None:
        while not stopping.wait(renew_seconds):
            self._watch.alive()
            try:
                self._renew()
            except psycopg.OperationalError as error:
                # Its own transaction will find the same; there is time for another try before the lease is over.
                log.warning("lease_not_renewed", reason=type(error).__name__)

    def _renew(self) -> None:
        still_seconds = self._watch.still_seconds
        with psycopg.connect(self._database_url, application_name="tracker-lease", **self._options) as connection:
            if still_seconds > self._watch.stall_seconds:
                shards.stop_stalled(connection, self._share, round(still_seconds))
                is_ours = False
            else:
                is_ours = shards.renew(connection, self._share)
        if not is_ours and still_seconds > min(NEEDLESS_SECONDS, self._watch.stall_seconds):
            end_process("reading stands still, and the share has failed, was cancelled or is another worker's")
