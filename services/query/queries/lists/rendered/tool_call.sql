-- name: changes
SELECT t.action, t.lines_added, t.lines_removed, t.is_estimated, t.patch, t.id, f.file_path, coalesce(t.patch_left_out, 0) AS patch_left_out_lines
FROM activities AS t LEFT JOIN files AS f ON f.file_key = t.file_key
WHERE t.session_id = %(session_id)s AND t.tool_call_id = %(id)s ORDER BY f.file_path, t.id

-- name: where
SELECT session_id, agent_id, CASE WHEN coalesce(result_left_out, 0) = 0 THEN result END AS text FROM tool_calls WHERE id = %(id)s
