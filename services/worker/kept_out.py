"""Which texts are kept out, as this worker process knows it: asked for before each piece of work that redacts, at most once a second."""

from typing import Any, Final

from psycopg import Connection

from services.worker.resources import Resources
from shared.redaction.kept_out import CHANGED_KEY, FINGERPRINTS, KnownList

_known: Final = KnownList()


def know_kept_out(worker: Resources, connection: Connection[Any] | None = None) -> None:
    """Reads the list again if it has changed. `connection`: that of a caller who has the process' only one."""
    if not worker.settings.redact or not _known.is_due():
        return
    changed: Any = worker.redis.get(CHANGED_KEY)
    if not _known.must_read(changed):
        return
    if connection is None:
        with worker.connection() as own:
            _read(own, changed)
    else:
        _read(connection, changed)


def _read(connection: Connection[Any], changed: Any) -> None:
    with connection.transaction():
        rows = connection.execute(FINGERPRINTS).fetchall()
    _known.take([fingerprint for (fingerprint,) in rows], changed)
