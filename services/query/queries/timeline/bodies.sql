-- Items in full, by their ids.

-- name: messages
SELECT m.id, m.role, m.content, m.model, m.source
FROM messages AS m WHERE m.id = ANY (%(ids)s::uuid[])

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
