-- name: is_there_any
SELECT EXISTS (SELECT FROM $base WHERE $condition)

-- name: places
SELECT ctid::text FROM $base WHERE $condition LIMIT %(limit)s

-- name: shared_files
-- Projects of the person whose dropped files are of others too.
SELECT count(*) FROM (
    SELECT project_id FROM base_activity_rollups GROUP BY project_id
    HAVING bool_or(user_id = ANY(%(user_ids)s)) AND NOT bool_and(user_id = ANY(%(user_ids)s))) AS b
WHERE EXISTS (SELECT FROM base_file_rollups AS f WHERE f.project_id = b.project_id)

-- name: keep_tools
-- The cells whose maxima may be those of the base.
INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms, duration_source)
SELECT b.project_id, b.user_id, b.tool_name, b.last_used_at, m.duration_ms, m.duration_source
FROM base_tool_rollups AS b, LATERAL (VALUES (b.max_ms, NULL), (b.max_measured_ms, 'reported')) AS m (duration_ms, duration_source)
WHERE b.ctid = ANY(%(places)s::text[]::tid[])

-- name: files
SELECT DISTINCT file_key FROM base_file_rollups WHERE ctid = ANY(%(places)s::text[]::tid[])

-- name: delete_files
DELETE FROM files AS f WHERE file_key = ANY(%(file_keys)s::uuid[])
  AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)
  AND NOT EXISTS (SELECT FROM base_file_rollups AS b WHERE b.file_key = f.file_key)

-- name: withdraw
WITH gone_$base AS (
    DELETE FROM $base WHERE ctid = ANY(%(places)s::text[]::tid[])
    RETURNING $columns
),
$rollups

-- name: delete_sessions
WITH gone AS (
    DELETE FROM base_sessions WHERE ctid = ANY(%(places)s::text[]::tid[]) RETURNING project_id, user_id, active_ranges
)
INSERT INTO moving_days (project_id, user_id, day)
SELECT DISTINCT p.project_id, g.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
FROM gone AS g, cut_at_buckets(without_gap(g.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (g.project_id), (-1)) AS p (project_id)

-- name: projects
SELECT DISTINCT project_id FROM base_sessions WHERE ctid = ANY(%(places)s::text[]::tid[])
