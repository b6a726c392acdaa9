-- name: target
-- Not if another worker is at it. The row stays locked, so the target cannot change within a transaction.
SELECT alias_of FROM users WHERE id = %(user_id)s AND alias_of IS NOT NULL AND merge_requested_at IS NOT NULL FOR UPDATE SKIP LOCKED

-- name: sessions
-- Two indexes, one for each half.
(SELECT session_id FROM sessions WHERE counted AND user_id = %(user_id)s LIMIT %(sessions_limit)s)
UNION ALL
(SELECT session_id FROM sessions WHERE NOT counted AND user_id = %(user_id)s LIMIT %(sessions_limit)s)

-- name: keep_base_tools
-- The cells whose maxima may be those of the base.
INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms, duration_source)
SELECT b.project_id, b.user_id, b.tool_name, b.last_used_at, m.duration_ms, m.duration_source
FROM base_tool_rollups AS b, LATERAL (VALUES (b.max_ms, NULL), (b.max_measured_ms, 'reported')) AS m (duration_ms, duration_source)
WHERE b.user_id = %(user_id)s

-- name: move_base_sessions
WITH moved AS (
    UPDATE base_sessions SET user_id = %(target)s
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM base_sessions WHERE user_id = %(user_id)s LIMIT %(sessions_limit)s))
    RETURNING project_id, active_ranges
)
INSERT INTO moving_days (project_id, user_id, day)
SELECT DISTINCT p.project_id, u.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
FROM moved AS m, cut_at_buckets(without_gap(m.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (m.project_id), (-1)) AS p (project_id),
     (VALUES (%(user_id)s::bigint), (%(target)s::bigint)) AS u (user_id)
