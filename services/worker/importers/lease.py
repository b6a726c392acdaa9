"""A share's lease is renewed while its worker lives: to find its place in a large archive again may take longer than a lease, and commits nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog

from services.worker.importers.shares import LEASE_SECONDS, Share
from shared.database import connect_options

log = structlog.get_logger()

RENEW_SECONDS = LEASE_SECONDS / 3
_RENEW = """
    UPDATE import_shares SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE job_id = %(job_id)s AND share = %(share)s AND lease_token = %(lease_token)s AND outcome IS NULL"""


@contextmanager
def renewed(database_url: str, share: Share) -> Iterator[None]:
    """Renews from a thread, on a connection of its own, until the block ends or the share is another's."""
    stopping = threading.Event()
    thread = threading.Thread(target=_renew, args=(database_url, share, stopping), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _renew(database_url: str, share: Share, stopping: threading.Event) -> None:
    parameters = {"job_id": share.job_id, "share": share.share, "lease_token": share.lease_token, "lease_seconds": LEASE_SECONDS}
    options = connect_options(statement_timeout_ms=2_000, lock_timeout_ms=2_000, read_only=False)
    while not stopping.wait(RENEW_SECONDS):
        try:
            with psycopg.connect(database_url, application_name="tracker-lease", **options) as connection:
                connection.execute(_RENEW, parameters)
        except psycopg.OperationalError as error:
            # Its own transaction will find the same; there is time for another try before the lease is over.
            log.warning("lease_not_renewed", reason=type(error).__name__)
