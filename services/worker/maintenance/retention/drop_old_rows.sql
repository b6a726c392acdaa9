-- name: old_jobs
-- An import stays as long as rows or contents that it brought are stored, or what an export counted. Its undo needs it, and goes with it. An export stays
-- until its archive is deleted. Runs of retention and of new prices are jobs too.
SELECT id, 0 AS project_id, size FROM (
    SELECT j.id, j.number, pg_column_size(j.*)::bigint AS size FROM import_jobs AS j
    WHERE j.status NOT IN ('queued', 'running') AND j.kind <> 'capture' AND coalesce(j.finished_at, j.created_at) < %(before)s AND NOT j.has_files
      AND (j.kind <> 'import' OR NOT EXISTS (SELECT FROM import_sessions AS s WHERE s.job_number = j.number)
          AND NOT EXISTS (SELECT FROM transcript_files AS f WHERE j.number = ANY(f.brought_by))
          AND NOT EXISTS (SELECT FROM base_sessions AS b WHERE b.brought_by = j.number)
          AND NOT EXISTS (SELECT FROM base_activity_rollups AS b WHERE b.brought_by = j.number))
      AND NOT EXISTS (SELECT FROM exports AS e WHERE e.id = j.id AND e.blob_url IS NOT NULL)
      AND NOT EXISTS (SELECT FROM import_jobs AS u WHERE u.undoes = j.id
          AND (u.status IN ('queued', 'running') OR coalesce(u.finished_at, u.created_at) >= %(before)s))
    UNION ALL
    SELECT j.id, NULL, pg_column_size(j.*)::bigint FROM jobs AS j
    WHERE j.kind = ANY(%(kinds)s) AND j.status NOT IN ('queued', 'running') AND j.finished_at < %(before)s
) AS old ORDER BY number DESC NULLS LAST LIMIT %(limit)s

-- name: delete_jobs
-- Each names its job by a column of its own.
DELETE FROM import_shares WHERE job_id = ANY(%(ids)s);
DELETE FROM imported_files WHERE job_number IN (SELECT number FROM import_jobs WHERE id = ANY(%(ids)s));
DELETE FROM exports WHERE id = ANY(%(ids)s);
DELETE FROM jobs WHERE id = ANY(%(ids)s);
DELETE FROM import_jobs WHERE undoes = ANY(%(ids)s);
DELETE FROM import_jobs WHERE id = ANY(%(ids)s)

-- name: old_dead_letters
SELECT id, 0 AS project_id, pg_column_size(d.*)::bigint AS size FROM dead_letters AS d WHERE last_seen_at < %(before)s ORDER BY id LIMIT %(limit)s

-- name: delete_dead_letters
DELETE FROM dead_letters WHERE id = ANY(%(ids)s)

-- name: old_scrubs
-- And erasures. One of which something is still kept out stays: by it an admin lifts that.
SELECT id, 0 AS project_id, pg_column_size(j.*)::bigint AS size FROM jobs AS j
WHERE kind = ANY(%(kinds)s) AND status NOT IN ('queued', 'running') AND finished_at < %(before)s
  AND NOT EXISTS (SELECT FROM kept_out_texts AS k WHERE k.scrub_id = j.id) AND NOT EXISTS (SELECT FROM tombstones AS t WHERE t.job_id = j.id)
ORDER BY id LIMIT %(limit)s

-- name: delete_scrubs
DELETE FROM jobs WHERE id = ANY(%(ids)s)

-- name: old_audit
SELECT id, 0 AS project_id, pg_column_size(details)::bigint + coalesce(octet_length(subject), 0) + 60 AS size FROM audit_log
WHERE at < %(before)s ORDER BY id LIMIT %(limit)s

-- name: delete_audit
DELETE FROM audit_log WHERE id = ANY(%(ids)s)

-- name: hook_payloads
-- Hooks are read within seconds. Those that are left could not be read.
r.received_at < %(before)s

-- name: quota_readings
-- A window that was over by then, but for the newest of each source.
resets_at < %(before)s AND EXISTS (
    SELECT FROM quota_readings AS n
    WHERE (n.user_id, n.machine_id, n.key_id, n.account, n.source, n.kind) = (r.user_id, r.machine_id, r.key_id, r.account, r.source, r.kind)
      AND n.resets_at > r.resets_at)

-- name: of_no_session
-- NULL, which is not true, where it is kept for good.
r.$came_at < %(before)s AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.session_id = r.session_id AND s.counted)

-- name: session_marks
-- Marks of a session that an undo took stay for as long as its user's and project's sessions are kept.
r.changed_at < %(as_of)s - make_interval(days => retention_days('sessions', r.project_id, r.user_id, %(sessions_days)s))
    AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.session_id = r.session_id)

-- name: alone
-- They have no time of their own.
%(before)s::timestamptz IS NOT NULL AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.session_id = r.session_id AND s.counted)
    AND NOT EXISTS (SELECT FROM transcript_files AS o WHERE o.session_id = r.session_id) AND $nothing_newer

-- name: count_live
SELECT count(*), coalesce(sum(pg_column_size(ROW(r.*))), 0)::bigint FROM $table AS r WHERE $is_old

-- name: drop_live
-- A row that is locked has just been read again.
WITH old AS (
    SELECT r.ctid, pg_column_size(ROW(r.*)) AS size FROM $table AS r WHERE $is_old LIMIT %(limit)s FOR UPDATE SKIP LOCKED
),
gone AS (DELETE FROM $table AS g USING old WHERE g.ctid = old.ctid RETURNING old.size)
SELECT count(*), coalesce(sum(size), 0)::bigint FROM gone
