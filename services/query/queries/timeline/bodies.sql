-- Items in full, by their ids.

-- name: messages
SELECT m.id, m.role, m.content, m.model, m.source
FROM messages AS m WHERE m.id = ANY (%(ids)s::uuid[])

-- name: tool_calls
SELECT t.id, t.tool_name, t.parameters::text AS parameters, t.status AS result_status, t.error_class, t.duration_ms AS execution_time_ms, t.duration_source,
    t.wait_ms, t.result, t.result_left_out, t.result_cut_at, t.result_media::text AS result_media, t.started_agent,
    t.decision, t.decision_source, t.decision_told_by, t.decision_wait_ms, t.is_sandboxed, t.source
FROM tool_calls AS t WHERE t.id = ANY (%(ids)s::uuid[])

-- name: entries
SELECT e.id, e.content, e.details, e.source
FROM timeline_entries AS e WHERE e.id = ANY (%(ids)s::uuid[])

-- name: changes
SELECT a.id::text, a.tool_call_id::text, f.file_path, a.action, a.lines_added, a.lines_removed, a.is_estimated,
    a.patch, coalesce(a.patch_left_out, 0) AS patch_left_out_lines, a.source
FROM activities AS a LEFT JOIN files AS f ON f.file_key = a.file_key
WHERE a.id = ANY (%(ids)s::uuid[])
ORDER BY a.occurred_at, a.id

-- name: first_prompts
-- The beginning of what each subagent was asked. The index finds the message; only that one is read.
SELECT t.agent_id, left(m.content, %(characters)s) AS prompt
FROM unnest(%(agent_ids)s::text[], %(times)s::timestamptz[]) AS t (agent_id, first_at)
CROSS JOIN LATERAL (
    SELECT p.id
    FROM messages AS p
    WHERE p.session_id = %(session_id)s AND p.occurred_at >= t.first_at AND p.agent_id = t.agent_id AND p.role = 'user'
    ORDER BY p.occurred_at, p.id LIMIT 1) AS first
JOIN messages AS m ON m.id = first.id
