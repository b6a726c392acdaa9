-- name: next_rows
SELECT id, session_id FROM (
    $rows
) AS ours LIMIT %(rows_limit)s

-- name: keep_rows
UPDATE $table SET brought_by = array_remove(array_remove(brought_by, %(job_number)s::integer), -%(job_number)s::integer)
WHERE brought_by && %(bringers)s::integer[] AND id = ANY(%(row_ids)s)

-- name: file_keys
SELECT DISTINCT file_key FROM activities WHERE id = ANY(%(row_ids)s) AND brought_by <@ %(bringers)s::integer[]

-- name: delete_files
DELETE FROM files AS f USING unnest(%(file_keys)s::uuid[]) AS k (file_key)
WHERE f.file_key = k.file_key AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)
  AND NOT EXISTS (SELECT FROM base_file_rollups AS b WHERE b.file_key = f.file_key)

-- name: heirs
SELECT session_id FROM (SELECT DISTINCT ($owner) FROM unnest(%(row_ids)s::uuid[]) AS r (row_id)) AS heirs (session_id) WHERE session_id IS NOT NULL

-- name: give_back
UPDATE $table AS t SET session_id = ($owner)
WHERE id = ANY(%(row_ids)s) AND ($owner) <> session_id

-- name: keep_facts
UPDATE session_facts SET brought_by = array_remove(brought_by, %(job_number)s::integer)
WHERE %(job_number)s = ANY(brought_by) AND session_id = ANY(%(session_ids)s)

-- name: keep_session_events
UPDATE session_events SET brought_by = array_remove(brought_by, %(job_number)s::integer)
WHERE %(job_number)s = ANY(brought_by) AND session_id = ANY(%(session_ids)s)

-- name: forget_keys
-- A session forgets these. Then its starts and the remaining facts set them again.
UPDATE sessions SET project_id = 0, path_project_id = NULL, user_id = 0, model = NULL, git_branch = NULL, client_version = NULL, source = NULL,
    idle_closed_at = CASE WHEN idle_closed_at IS NOT NULL THEN least(idle_closed_at, last_event_at) END
WHERE session_id = ANY(%(session_ids)s)
