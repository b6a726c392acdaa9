-- name: take
-- With its call, if that is stored and is not the word of a client, which stays as it is.
WITH taken AS (
    UPDATE signals SET is_new = false
    WHERE id IN (SELECT id FROM signals WHERE is_new ORDER BY received_at, id LIMIT %(limit)s)
    RETURNING tool_call_id, session_id, received_at, request_id
)
SELECT DISTINCT ON (g.tool_call_id) t.id, t.session_id, t.tool_name, t.occurred_at, t.brought_by[1], g.received_at, coalesce(g.request_id, '')
FROM taken AS g
LEFT JOIN tool_calls AS t ON t.id = g.tool_call_id AND t.session_id = g.session_id AND NOT coalesce(0 >= ANY(t.brought_by), true)
ORDER BY g.tool_call_id, t.id
