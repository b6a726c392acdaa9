-- name: unheard_cancels
-- Jobs that should have been cancelled, and whose workers have not reacted.
SELECT id FROM import_jobs
WHERE status IN ('queued', 'running') AND kind = 'import' AND cancel_requested_at < now() - make_interval(secs => %(seconds)s)
ORDER BY cancel_requested_at LIMIT 100

-- name: abandoned_jobs
-- Work that waits, or whose worker is gone: the task of each, and what it is called with. One statement, since each look costs an idle stack.
SELECT task, arguments FROM (
    SELECT kind AS task, arguments, row_number() OVER (PARTITION BY kind ORDER BY due_at, arguments) AS place FROM (
        $unfinished
    ) AS unfinished
    WHERE due_at < now()
) AS due WHERE place <= 100
UNION ALL
SELECT 'END_CANCELLED', '[]' WHERE EXISTS (
    $unheard_cancels
)
UNION ALL
-- Projects to which the rules are to be applied (services/worker/maintenance/join_projects.sql).
SELECT 'JOIN_PROJECTS', '[]' WHERE EXISTS (SELECT FROM projects WHERE judged_at IS NULL)
    OR EXISTS (SELECT FROM project_places AS t JOIN projects AS p ON p.path_key = t.path_key WHERE t.judged_at IS NULL)
    OR EXISTS (SELECT FROM project_rules WHERE judged_at IS NULL)

-- name: due_retention
-- Whether the day's run is to begin: something is not kept for good, and none began since it was due. An import that is going on comes first.
SELECT 1 WHERE (%(has_settings)s OR EXISTS (SELECT FROM retention_rules WHERE days IS NOT NULL))
  AND NOT EXISTS (SELECT FROM jobs WHERE kind = 'retention' AND created_at >= %(since)s AND (options ->> 'is_scheduled')::boolean)
  AND NOT EXISTS (SELECT FROM jobs WHERE kind = 'retention' AND NOT is_dry_run AND status IN ('queued', 'running'))
  AND NOT EXISTS (SELECT FROM import_jobs WHERE status IN ('queued', 'running') AND kind <> 'capture')

-- name: is_idle
-- Open sessions without an event for so long, those that their client has ended, and those whose client's process is gone.
$is_open
AND (last_event_at < now() - make_interval(secs => %(idle_seconds)s)
    OR end_reason IS NOT NULL AND $wrote_at_its_end AND last_event_at < now() - interval '10 seconds'
    OR last_event_at <= $gone_at)

-- name: close_idle_sessions
-- As of their last event; as of when its process was gone, which is later. A session that is being written to is left for the next run. With job_number: only those that the import brought. With session_ids: only these.
UPDATE sessions SET idle_closed_at = greatest(last_event_at, $gone_at), gone_at = $gone_at WHERE session_id IN (
    SELECT session_id FROM sessions
    WHERE $is_idle
      AND (%(job_number)s::integer IS NULL OR session_id IN (SELECT session_id FROM import_sessions WHERE job_number = %(job_number)s))
      AND (%(session_ids)s::text[] IS NULL OR session_id = ANY(%(session_ids)s))
    ORDER BY last_event_at LIMIT %(at_most)s FOR UPDATE SKIP LOCKED)
RETURNING session_id

-- name: close_gone_sessions
-- The same for these sessions alone, at once. A session that another transaction is writing is left to that, or to the next sweep.
UPDATE sessions SET idle_closed_at = $gone_at, gone_at = $gone_at WHERE session_id IN (
    SELECT session_id FROM sessions WHERE session_id = ANY(%(session_ids)s) AND $is_open AND last_event_at <= $gone_at
    ORDER BY session_id FOR UPDATE SKIP LOCKED)

-- name: open_living_sessions
-- Those that were closed since their processes were gone, and have one again.
UPDATE sessions SET idle_closed_at = NULL, gone_at = NULL WHERE session_id IN (
    SELECT session_id FROM sessions WHERE session_id = ANY(%(session_ids)s) AND counted AND idle_closed_at = sessions.gone_at AND $gone_at IS NULL
      AND EXISTS (SELECT FROM session_processes AS p WHERE p.session_id = sessions.session_id)
    ORDER BY session_id FOR UPDATE SKIP LOCKED)

-- name: captured_files_wait
-- Captured transcripts of which some is not read yet. The first condition is the predicate of an index. Those that imports brought are read by them.
SELECT FROM transcript_files
WHERE parsed_offset < stored_offset AND brought_by IS NULL AND coalesce(read_again_at <= now(), true) LIMIT 1

-- name: due_captured_files
WITH due AS (
    SELECT id, session_id, file_name, user_name, parsed_offset, stored_offset, facts_ids, read_attempts, read_again_at, bound_user,
        rewrites, changed_at
    FROM transcript_files
    WHERE parsed_offset < stored_offset AND brought_by IS NULL AND coalesce(read_again_at <= now(), true)
)
SELECT * FROM (
    (SELECT * FROM due WHERE read_attempts = 0 ORDER BY stored_offset - parsed_offset, changed_at, id LIMIT %(limit)s)
    UNION (SELECT * FROM due WHERE read_attempts = 0 ORDER BY changed_at, id LIMIT 1)
    UNION (SELECT * FROM due WHERE read_attempts > 0 ORDER BY read_attempts, changed_at, id LIMIT 1)
) AS next ORDER BY read_attempts > 0, stored_offset - parsed_offset, changed_at, id

-- name: unswept_uploads
-- Files of jobs that failed a day ago and were not retried, or jobs that ended since.
SELECT FROM import_jobs
WHERE has_files AND status = 'failed' AND finished_at < now() - interval '1 day' OR finished_at > to_timestamp(%(since)s) LIMIT 1

-- name: forget_exports
-- The places of archives whose time is over, and of what is left of those that exports did not complete.
UPDATE exports AS e SET blob_url = NULL FROM import_jobs AS j
WHERE j.id = e.id AND e.blob_url IS NOT NULL AND j.status NOT IN ('queued', 'running') AND (e.expires_at <= now() OR j.status <> 'succeeded')
RETURNING old.blob_url

-- name: forget_files
UPDATE import_jobs SET has_files = false
WHERE has_files AND status = 'failed' AND finished_at < now() - interval '1 day' RETURNING files

-- name: compactable_files
-- Live files whose ranges are to become segments: they have many, or nothing came for an hour.
SELECT f.id FROM transcript_ranges AS r JOIN transcript_files AS f ON f.id = r.file_id
WHERE r.end_offset <= f.parsed_offset GROUP BY f.id
HAVING sum(r.raw_bytes) >= 4 * 1024 * 1024 OR f.changed_at < now() - interval '1 hour'
ORDER BY f.changed_at LIMIT 100

-- name: expired_files
-- With the archive off, live transcripts that are quiet for a day and of which nothing is archived. Unread ones stay. Those that are older
-- than the archive keeps them: services/worker/maintenance/retention/drop_archive.py.
SELECT f.id FROM transcript_files AS f
WHERE parsed_offset >= stored_offset AND NOT %(archive)s AND brought_by IS NULL AND changed_at < now() - interval '1 day'
  AND NOT EXISTS (SELECT FROM transcript_segments AS s WHERE s.file_id = f.id)
LIMIT 10000

-- name: gone_consumers
-- Consumers of the journal whose process is gone.
SELECT FROM drainers WHERE consumer <> ALL(%(living)s) AND registered_at < now() - make_interval(secs => %(seconds)s) LIMIT 1

-- name: delete_gone_consumers
DELETE FROM drainers WHERE consumer <> ALL(%(living)s) AND registered_at < now() - make_interval(secs => %(seconds)s)

-- name: old_changes
-- Notes for the query hosts' search indexes that are kept for a day, and some more: an hour's go together.
SELECT FROM (SELECT noted_at FROM search_changes ORDER BY changed_by LIMIT 1) AS oldest WHERE noted_at < now() - interval '25 hours'

-- name: forget_old_changes
-- None of a transaction behind one that is still open: an index that has not seen the open one would be of no use for as long.
WITH gone AS (
    DELETE FROM search_changes
    WHERE changed_by < least(
        pg_snapshot_xmin(pg_current_snapshot()), (SELECT min(changed_by) FROM search_changes WHERE noted_at >= now() - interval '1 day'))
    RETURNING changed_by
)
INSERT INTO search_changes_kept AS k (since)
SELECT (newest::text::bigint + 1)::text::xid8 FROM (SELECT max(changed_by) AS newest FROM gone) AS gone WHERE newest IS NOT NULL
ON CONFLICT (is_one) DO UPDATE SET since = excluded.since WHERE k.since NOT BETWEEN excluded.since AND pg_snapshot_xmax(pg_current_snapshot())
