"""SQL that finds work which waits, and beside it the statement of the task that does the work: their conditions must be the same.

Text alone, so that beat needs none of the modules that do the work (services/worker/sweep/scheduler.py).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from services.worker.sql_text import sql
from shared.jobs import UNFINISHED
from shared.sessions.open_sessions import gone_at, is_open, wrote_at_its_end
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "sweep_statements.sql")

# A worker reads of a cancel at its next chunk. One that has not within this time may be stuck.
CANCEL_SECONDS: Final = 5

UNHEARD_CANCELS: Final = _SQL.unheard_cancels
ABANDONED_JOBS: Final = sql(_SQL.abandoned_jobs, unfinished=UNFINISHED, unheard_cancels=UNHEARD_CANCELS)
DUE_RETENTION: Final = _SQL.due_retention

# The condition of an open session is the predicate of an index (shared/sessions/open_sessions.py).
_IS_IDLE: Final = sql(_SQL.is_idle, is_open=is_open(), wrote_at_its_end=wrote_at_its_end(), gone_at=gone_at())
IDLE_SESSIONS: Final = f"SELECT FROM sessions WHERE {_IS_IDLE} LIMIT 1"
CLOSE_IDLE_SESSIONS: Final = sql(_SQL.close_idle_sessions, is_idle=_IS_IDLE, gone_at=gone_at())
OPEN_LIVING_SESSIONS: Final = sql(_SQL.open_living_sessions, gone_at=gone_at())
CLOSE_GONE_SESSIONS: Final = sql(_SQL.close_gone_sessions, is_open=is_open(), gone_at=gone_at())

CAPTURED_FILES_WAIT: Final = _SQL.captured_files_wait
# Payloads of hooks that the drain has stored.
HOOKS_WAIT: Final = "SELECT FROM hook_payloads LIMIT 1"
# Signals that calls have not been told.
SIGNALS_WAIT: Final = "SELECT FROM signals WHERE is_new LIMIT 1"
DUE_CAPTURED_FILES: Final = _SQL.due_captured_files

# The check of beat each second, in one statement.
CAPTURED_WAITS: Final = (
    f"SELECT FROM (VALUES (1)) AS one WHERE EXISTS ({CAPTURED_FILES_WAIT}) OR EXISTS ({HOOKS_WAIT}) OR EXISTS ({SIGNALS_WAIT})"
)

UNSWEPT_UPLOADS: Final = _SQL.unswept_uploads
FORGET_FILES: Final = _SQL.forget_files
# Exports whose time is over. Remains of those that failed go at the same time.
EXPIRED_EXPORTS: Final = "SELECT FROM exports WHERE blob_url IS NOT NULL AND expires_at <= now() LIMIT 1"
FORGET_EXPORTS: Final = _SQL.forget_exports
COMPACTABLE_FILES: Final = _SQL.compactable_files
EXPIRED_FILES: Final = _SQL.expired_files
GONE_CONSUMERS: Final = _SQL.gone_consumers
DELETE_GONE_CONSUMERS: Final = _SQL.delete_gone_consumers
OLD_CHANGES: Final = _SQL.old_changes
FORGET_OLD_CHANGES: Final = _SQL.forget_old_changes

# In Redis, the time at which the last complete collection of the archive's garbage began.
ARCHIVE_COLLECTED_KEY: Final = "archive:collected"
# Between two collections. They delete what is at least a day old.
COLLECT_SECONDS: Final = 24 * 3600
# In Redis, the time (seconds since 1970) at which the last complete sweep of the uploads began.
UPLOADS_SWEPT_KEY: Final = "uploads:swept"
# A consumer that has not read for this long and holds nothing belongs to a process that is gone.
DEAD_CONSUMER_SECONDS: Final = 3600


def last_due(hour: int) -> datetime:
    """When the day's run of retention was last due."""
    now = datetime.now(UTC)
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= now else today - timedelta(days=1)
