-- name: wanted
-- The project that the sessions of a project count under from now on, and when that was decided.
SELECT coalesce(merged_into, id) AS whole, rekey_requested_at FROM projects WHERE id = %(project_id)s AND rekey_requested_at IS NOT NULL

-- name: sessions
-- Those that named this project and count elsewhere: under itself while it is part of another, or under what it is no longer part of.
-- An index for each part.
(SELECT session_id FROM sessions
 WHERE counted AND project_id = %(project_id)s AND path_project_id IS NULL AND project_id <> %(whole)s LIMIT %(sessions_limit)s)
UNION ALL
(SELECT session_id FROM sessions
 WHERE NOT counted AND project_id = %(project_id)s AND path_project_id IS NULL AND project_id <> %(whole)s LIMIT %(sessions_limit)s)
UNION ALL
(SELECT session_id FROM sessions WHERE path_project_id = %(project_id)s AND project_id <> %(whole)s LIMIT %(sessions_limit)s)

-- name: sessionless
SELECT id FROM messages
WHERE session_id IS NULL AND project_id = %(project_id)s AND path_project_id IS NULL AND project_id <> %(whole)s
UNION ALL
SELECT id FROM messages WHERE path_project_id = %(project_id)s AND project_id <> %(whole)s
LIMIT %(rows_limit)s

-- name: move_sessionless
UPDATE messages SET project_id = %(whole)s, path_project_id = nullif(%(project_id)s::bigint, %(whole)s)
WHERE id = ANY(%(row_ids)s) AND session_id IS NULL

-- name: move_base
-- An index for each part: what has moved is not looked at again.
UPDATE $base SET project_id = %(whole)s, path_project_id = nullif(%(project_id)s::bigint, %(whole)s)
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM $base WHERE coalesce(path_project_id, project_id) = %(project_id)s AND project_id < %(whole)s
    UNION ALL
    SELECT ctid FROM $base WHERE coalesce(path_project_id, project_id) = %(project_id)s AND project_id > %(whole)s
    LIMIT $limit))

-- name: finish
-- Not if another decision was made meanwhile.
UPDATE projects SET rekey_requested_at = NULL, rekey_failure = NULL WHERE id = %(project_id)s AND rekey_requested_at = %(rekey_requested_at)s

-- name: note
UPDATE projects SET rekey_requested_at = clock_timestamp(), rekey_failure = %(failure)s WHERE id = %(id)s AND rekey_requested_at IS NOT NULL
