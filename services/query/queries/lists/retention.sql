-- name: rules
SELECT r.id, r.what, r.days, r.project_id, p.name AS project_name, u.name AS user, r.key_id, r.changed_at
FROM retention_rules AS r LEFT JOIN projects AS p ON p.id = r.project_id LEFT JOIN users AS u ON u.id = r.user_id
ORDER BY r.what, r.user_id IS NOT NULL, r.project_id IS NOT NULL, p.name, u.name, r.id

-- name: run
-- The newest, or the one of an id.
SELECT id AS run_id, status, is_dry_run AS dry_run, coalesce((options -> 'rewrite')::boolean, false) AS rewrite,
    coalesce((options -> 'is_scheduled')::boolean, false) AS scheduled, CASE WHEN finished_at IS NULL THEN at_stage END AS stage,
    (counts ->> 'bytes_before')::bigint AS database_bytes_before, (counts ->> 'bytes_after')::bigint AS database_bytes_after, failure,
    created_at, started_at, finished_at
FROM jobs WHERE kind = 'retention' AND (%(id)s::uuid IS NULL OR id = %(id)s) AND (%(is_dry_run)s::boolean IS NULL OR is_dry_run = %(is_dry_run)s)
ORDER BY created_at DESC LIMIT 1

-- name: dropped
SELECT c.what, nullif(c.project_id, 0) AS project_id, p.name AS project_name, c.sessions, c.rows, c.bytes
FROM retention_counts AS c LEFT JOIN projects AS p ON p.id = c.project_id
WHERE c.run_id = %(id)s ORDER BY c.bytes DESC, c.what, c.project_id
