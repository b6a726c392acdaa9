-- name: begin_scheduled
INSERT INTO retention_runs (id, is_dry_run, is_scheduled) VALUES (%(id)s, false, true) ON CONFLICT DO NOTHING RETURNING id

-- name: acquire_lease
UPDATE retention_runs SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s), bytes_before = coalesce(bytes_before, pg_database_size(current_database()))
WHERE id = %(id)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
RETURNING at_stage, after_key, is_dry_run, attempts, lease_token, created_at

-- name: renew_lease
UPDATE retention_runs SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s) WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: advance
UPDATE retention_runs SET at_stage = %(at_stage)s, after_key = %(after_key)s, attempts = 0,
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: add_counts
INSERT INTO retention_counts AS t (run_id, what, project_id, sessions, rows, bytes)
SELECT %(id)s, c.what, c.project_id, c.sessions, c.rows, c.bytes
FROM jsonb_to_recordset(%(counts)s) AS c (what text, project_id bigint, sessions bigint, rows bigint, bytes bigint)
ON CONFLICT (run_id, what, project_id) DO UPDATE
SET sessions = t.sessions + excluded.sessions, rows = t.rows + excluded.rows, bytes = t.bytes + excluded.bytes

-- name: finish
UPDATE retention_runs SET status = %(status)s, finished_at = now(), lease_expires_at = NULL, bytes_after = pg_database_size(current_database())
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: audit
-- One entry for each run that dropped something, whoever began it.
INSERT INTO audit_log (who, act, subject, details)
SELECT 'worker', 'retention.drop', %(id)s::text, jsonb_object_agg(what, dropped)
FROM (SELECT what, jsonb_build_object('sessions', sum(sessions), 'rows', sum(rows), 'bytes', sum(bytes)) AS dropped
      FROM retention_counts WHERE run_id = %(id)s GROUP BY what) AS counts
HAVING count(*) > 0
