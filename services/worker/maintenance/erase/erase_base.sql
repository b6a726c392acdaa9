-- name: is_there_any
SELECT EXISTS (SELECT FROM $base WHERE $condition)

-- name: shared_files
-- Projects of the person whose dropped files are of others too.
SELECT count(*) FROM (
    SELECT project_id FROM base_activity_rollups GROUP BY project_id
    HAVING bool_or(user_id = ANY(%(user_ids)s)) AND NOT bool_and(user_id = ANY(%(user_ids)s))) AS b
WHERE EXISTS (SELECT FROM base_file_rollups AS f WHERE f.project_id = b.project_id)

-- name: delete
DELETE FROM $base WHERE ctid = ANY (ARRAY(SELECT ctid FROM $base WHERE $condition LIMIT %(limit)s)) RETURNING $named

-- name: delete_files
DELETE FROM files AS f WHERE file_key = ANY(%(file_keys)s::uuid[])
  AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)
  AND NOT EXISTS (SELECT FROM base_file_rollups AS b WHERE b.file_key = f.file_key)
