-- name: due
SELECT s.session_id, s.project_id, pg_column_size(s.*)::bigint + (
    SELECT coalesce(sum(g.stored_bytes), 0) FROM transcript_segments AS g JOIN transcript_files AS f ON f.id = g.file_id
    WHERE f.session_id = s.session_id)::bigint AS bytes
FROM sessions AS s
WHERE s.session_id > %(after)s AND s.counted AND $is_old
  AND NOT EXISTS (SELECT FROM dropping_sessions AS d WHERE d.session_id = s.session_id)
  AND NOT EXISTS (
    SELECT FROM (
        $family
    ) AS shared JOIN sessions AS s USING (session_id)
    WHERE s.counted AND ($family_is_old) IS NOT TRUE)
ORDER BY s.session_id LIMIT %(limit)s

-- name: families
SELECT DISTINCT f.session_id FROM unnest(%(session_ids)s::text[]) AS s (session_id), LATERAL (
    $family
) AS f JOIN sessions AS known USING (session_id)
WHERE NOT EXISTS (SELECT FROM dropping_sessions AS d WHERE d.session_id = f.session_id)

-- name: still_old
SELECT s.session_id, s.project_id, pg_column_size(s.*)::bigint + (
    SELECT coalesce(sum(g.stored_bytes), 0) FROM transcript_segments AS g JOIN transcript_files AS f ON f.id = g.file_id
    WHERE f.session_id = s.session_id)::bigint AS bytes
FROM sessions AS s
WHERE s.session_id = ANY(%(session_ids)s) AND s.counted AND $is_old
  AND NOT EXISTS (
    SELECT FROM (
        $family
    ) AS shared JOIN sessions AS s USING (session_id)
    WHERE s.counted AND ($family_is_old) IS NOT TRUE)

-- name: begin
INSERT INTO dropping_sessions (session_id, run_id) SELECT session_id, %(run_id)s FROM unnest(%(session_ids)s::text[]) AS b (session_id)

-- name: of_table
SELECT t.id, t.project_id, pg_column_size(t.*)::bigint AS size FROM $table AS t WHERE session_id = ANY(%(session_ids)s)

-- name: rows
SELECT id, project_id, size FROM (
    $rows
) AS rows LIMIT %(limit)s

-- name: count
SELECT project_id, count(*) AS rows, sum(size)::bigint AS bytes FROM (
    $rows
) AS rows GROUP BY project_id

-- name: gone_rows
new_$table AS (
    DELETE FROM $table WHERE id = ANY(%(row_ids)s) AND session_id = ANY(%(session_ids)s)
    RETURNING $columns,
        (SELECT s.path_project_id FROM sessions AS s WHERE s.session_id = $table.session_id) AS path_project_id
)

-- name: drop_rows
WITH $gone
SELECT 1

-- name: drop_sessions
-- When each began stays, and when people were active.
WITH new_sessions AS (DELETE FROM sessions WHERE session_id = ANY(%(session_ids)s) RETURNING *),
$base
INSERT INTO base_sessions (project_id, path_project_id, user_id, dated_at, last_event_at, active_ranges)
SELECT project_id, path_project_id, user_id, dated_at, last_event_at, active_ranges FROM new_sessions WHERE counted
