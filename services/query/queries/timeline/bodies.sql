-- Items in full, by their ids.

-- name: messages
SELECT t.id, {message_item}
FROM messages AS t WHERE t.id = ANY (%(ids)s::uuid[])

-- name: entries
SELECT t.id, {entry_item}
FROM timeline_entries AS t WHERE t.id = ANY (%(ids)s::uuid[])

-- name: changes
SELECT {change}, t.id::text, t.tool_call_id::text, f.file_path, coalesce(t.patch_left_out, 0) AS patch_left_out_lines
FROM activities AS t LEFT JOIN files AS f ON f.file_key = t.file_key
WHERE t.id = ANY (%(ids)s::uuid[])
ORDER BY t.occurred_at, t.id

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
