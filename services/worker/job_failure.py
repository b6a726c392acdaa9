"""Why a job cannot go on: whether only a person can mend that, and the reason in one sentence."""

import psycopg
from redis.exceptions import NoPermissionError

from services.worker.retry_later import reason_of
from shared.blobs.store import BlobStoreAway, BlobStoreError, BlobUnreadable


def cannot_write(error: Exception) -> bool:
    """Whether a store refuses what the job has to write. No further try helps until somebody gives the worker the right."""
    if isinstance(error, BlobStoreError):
        return not isinstance(error, BlobStoreAway | BlobUnreadable)
    return isinstance(error, psycopg.errors.InsufficientPrivilege | NoPermissionError)


def failure_of(error: Exception) -> str:
    """The fault and its remedy, for the person who asked for the job."""
    if isinstance(error, BlobStoreError):
        return str(error)
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"Postgres refuses the worker ({reason_of(error)}); run the migrations, which give it its rights, then ask for this again."
    if isinstance(error, NoPermissionError):
        return f"Redis refuses the worker ({reason_of(error)}); give its user the right, then ask for this again."
    # Its name alone: the message may have what somebody wrote.
    return f"The worker failed ({type(error).__name__}); see its log, then ask for this again."
