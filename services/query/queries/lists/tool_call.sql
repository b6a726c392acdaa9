-- name: calls
SELECT t.id, t.session_id, nullif(t.project_id, 0) AS project_id, t.tool_name, t.parameters::text AS parameters, t.status AS result_status,
    t.error_class, t.duration_ms AS execution_time_ms, t.duration_source, t.wait_ms, nullif(t.occurred_at, '-infinity') AS timestamp,
    t.agent_id, t.started_agent, t.decision, t.decision_source, t.decision_told_by, t.decision_wait_ms,
    t.is_sandboxed, t.source, t.result, t.result_left_out, t.result_cut_at, t.result_media::text AS result_media
FROM tool_calls AS t WHERE t.id = ANY (%(ids)s::uuid[])

-- name: changes
-- By the session, which has an index.
SELECT a.id, f.file_path, a.action, a.lines_added, a.lines_removed, a.is_estimated, a.patch,
    coalesce(a.patch_left_out, 0) AS patch_left_out_lines
FROM activities AS a LEFT JOIN files AS f ON f.file_key = a.file_key
WHERE a.session_id = %(session_id)s AND a.tool_call_id = %(id)s ORDER BY f.file_path, a.id

-- name: where
SELECT session_id, agent_id, CASE WHEN coalesce(result_left_out, 0) = 0 THEN result END AS text FROM tool_calls WHERE id = %(id)s
