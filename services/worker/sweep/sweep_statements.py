"""SQL that finds work which waits, and beside it the statement of the task that does the work: their conditions must be the same.

Text alone, so that beat needs none of the modules that do the work (services/worker/sweep/scheduler.py).
"""

from typing import Final

from shared.sessions.open_sessions import is_open, wrote_at_its_end

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

# Merges of users that wait, or whose worker is gone.
ABANDONED_MERGES: Final = (
    "SELECT id FROM users WHERE merge_requested_at < now() - interval '5 seconds' ORDER BY merge_requested_at LIMIT 100"
)

# API calls of an older release, of which it is not known what the cache saved. The condition is the predicate of an index.
CALLS_WITHOUT_SAVING: Final = "SELECT FROM api_calls WHERE cost_nano_usd IS NOT NULL AND cache_saved_nano_usd IS NULL LIMIT 1"

# Open sessions without an event for so long, and those that their client has ended.
_IS_IDLE: Final = f"""{is_open()}
        AND (last_event_at < now() - make_interval(secs => %(idle_seconds)s)
            OR end_reason IS NOT NULL AND {wrote_at_its_end()} AND last_event_at < now() - interval '10 seconds')"""
IDLE_SESSIONS: Final = f"SELECT FROM sessions WHERE {_IS_IDLE} LIMIT 1"
# A session that is being written to is left for the next run. With job_number: only those that the import brought.
CLOSE_IDLE_SESSIONS: Final = f"""
    UPDATE sessions SET idle_closed_at = last_event_at WHERE session_id IN (
        SELECT session_id FROM sessions
        WHERE {_IS_IDLE}
          AND (%(job_number)s::integer IS NULL OR session_id IN (SELECT session_id FROM import_sessions WHERE job_number = %(job_number)s))
        ORDER BY last_event_at LIMIT %(at_most)s FOR UPDATE SKIP LOCKED)
    RETURNING session_id"""

# Captured transcripts of which some is not read yet. The first condition is the predicate of an index. Those that imports brought are read by them.
CAPTURED_FILES_WAIT: Final = """
    SELECT FROM transcript_files
    WHERE parsed_offset < stored_offset AND brought_by IS NULL AND coalesce(read_again_at <= now(), true) LIMIT 1"""
# Payloads of hooks that the drain has stored.
HOOKS_WAIT: Final = "SELECT FROM hook_payloads LIMIT 1"
DUE_CAPTURED_FILES: Final = """
    WITH due AS (
        SELECT id, session_id, file_name, user_name, parsed_offset, stored_offset, facts_ids, read_attempts, read_again_at, bound_user,
            changed_at
        FROM transcript_files
        WHERE parsed_offset < stored_offset AND brought_by IS NULL AND coalesce(read_again_at <= now(), true)
    )
    SELECT * FROM (
        (SELECT * FROM due WHERE read_attempts = 0 ORDER BY stored_offset - parsed_offset, changed_at, id LIMIT %(limit)s)
        UNION (SELECT * FROM due WHERE read_attempts = 0 ORDER BY changed_at, id LIMIT 1)
        UNION (SELECT * FROM due WHERE read_attempts > 0 ORDER BY read_attempts, changed_at, id LIMIT 1)
    ) AS next ORDER BY read_attempts > 0, stored_offset - parsed_offset, changed_at, id"""

# Rows that changed since their documents were made.
DOCUMENTS_WAIT: Final = "SELECT FROM search_pending LIMIT 1"
# What beat asks each second, in one statement: whether anything captured is to be read, and whether documents are to be made.
STORED_WAITS: Final = f"SELECT EXISTS ({CAPTURED_FILES_WAIT}) OR EXISTS ({HOOKS_WAIT}), EXISTS ({DOCUMENTS_WAIT})"

# Files of jobs that failed a day ago and were not retried, or jobs that ended since.
UNSWEPT_UPLOADS: Final = """
    SELECT FROM import_jobs
    WHERE has_files AND status = 'failed' AND finished_at < now() - interval '1 day' OR finished_at > to_timestamp(%(since)s) LIMIT 1"""
FORGET_FILES: Final = """
    UPDATE import_jobs SET has_files = false
    WHERE has_files AND status = 'failed' AND finished_at < now() - interval '1 day' RETURNING files"""

# Live files whose ranges are to become segments: they have many, or nothing came for an hour.
COMPACTABLE_FILES: Final = """
    SELECT f.id FROM transcript_ranges AS r JOIN transcript_files AS f ON f.id = r.file_id
    WHERE r.end_offset <= f.parsed_offset GROUP BY f.id
    HAVING sum(r.raw_bytes) >= 4 * 1024 * 1024 OR f.changed_at < now() - interval '1 hour'
    ORDER BY f.changed_at LIMIT 100"""

# Transcripts that are not kept any longer: after %(days)s days; with the archive off, those of which nothing is archived. What was not read yet is left.
EXPIRED_FILES: Final = """
    SELECT f.id FROM transcript_files AS f
    WHERE parsed_offset >= stored_offset AND (
        %(days)s > 0 AND changed_at < now() - make_interval(days => %(days)s)
        OR NOT %(archive)s AND brought_by IS NULL AND changed_at < now() - interval '1 day'
            AND NOT EXISTS (SELECT FROM transcript_segments AS s WHERE s.file_id = f.id))
    LIMIT 10000"""

# Names of the journal's consumers that nobody goes by.
GONE_CONSUMERS: Final = """
    SELECT FROM drainers WHERE consumer <> ALL(%(living)s) AND registered_at < now() - make_interval(secs => %(seconds)s) LIMIT 1"""
DELETE_GONE_CONSUMERS: Final = """
    DELETE FROM drainers WHERE consumer <> ALL(%(living)s) AND registered_at < now() - make_interval(secs => %(seconds)s)"""

# In Redis, the time at which the last complete collection of the archive's garbage began.
ARCHIVE_COLLECTED_KEY: Final = "archive:collected"
# Between two collections. They delete what is at least a day old.
COLLECT_SECONDS: Final = 24 * 3600
# In Redis, the time (seconds since 1970) at which the last complete sweep of the uploads began.
UPLOADS_SWEPT_KEY: Final = "uploads:swept"
# A consumer that has not read for this long and holds nothing belongs to a process that is gone.
DEAD_CONSUMER_SECONDS: Final = 3600
