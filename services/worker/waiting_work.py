"""What makes work wait in Postgres: the conditions by which beat looks for it, and by which a task finds it.

Text alone, so that beat needs none of the modules that do the work (services/worker/beat.py).
"""

from typing import Final

# A worker reads of a cancel at its next chunk. One that has not within this time may stand still.
CANCEL_SECONDS: Final = 5

# An import's shards that wait, or whose worker is gone.
ABANDONED_SHARDS: Final = """
    SELECT s.job_id::text, s.share FROM import_shares AS s JOIN import_jobs AS j ON j.id = s.job_id
    WHERE j.status IN ('queued', 'running') AND s.outcome IS NULL
      AND (s.lease_expires_at < now() OR s.lease_expires_at IS NULL AND j.created_at < now() - interval '5 seconds')
    ORDER BY j.created_at, s.share LIMIT 100"""

# Jobs that should have been cancelled, and whose workers have not reacted.
UNHEARD_CANCELS: Final = """
    SELECT id FROM import_jobs
    WHERE status IN ('queued', 'running') AND kind = 'import' AND cancel_requested_at < now() - make_interval(secs => %(seconds)s)
    ORDER BY cancel_requested_at LIMIT 100"""

# Scrubs that wait, or whose worker is gone.
ABANDONED_SCRUBS: Final = """
    SELECT id::text FROM scrubs WHERE status IN ('queued', 'running')
      AND (lease_expires_at < now() OR lease_expires_at IS NULL AND created_at < now() - interval '5 seconds') ORDER BY created_at LIMIT 100"""

# Of `sessions`. The first line is the predicate of the index sessions_open.
IDLE_SESSION: Final = """
    counted AND NOT (coalesce(ended_at >= last_event_at, false) OR coalesce(idle_closed_at >= last_event_at, false))
    AND last_event_at < now() - make_interval(secs => %(idle_seconds)s)"""

# Of `import_jobs`: nobody has retried the job, so its files go.
UNWANTED_FILES: Final = "has_files AND status = 'failed' AND finished_at < now() - interval '1 day'"

# Of `drainers`: a consumer's name that nobody goes by.
GONE_CONSUMER: Final = "consumer <> ALL(%(living)s) AND registered_at < now() - make_interval(secs => %(seconds)s)"

# In Redis, the time (seconds since 1970) at which the last complete sweep of the uploads began.
UPLOADS_SWEPT_KEY: Final = "uploads:swept"
# A consumer that has not read for this long and holds nothing belongs to a process that is gone.
DEAD_CONSUMER_SECONDS: Final = 3600
