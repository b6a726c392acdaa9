-- name: take
-- With its call, if that is stored and is not the word of a client, which stays as it is.
WITH taken AS (
    UPDATE signals SET is_new = false
    WHERE id IN (SELECT id FROM signals WHERE is_new ORDER BY received_at, id LIMIT %(limit)s)
    RETURNING tool_call_id, session_id, attributes, received_at, request_id
),
-- The span of a wait does not always name its call: the decision that was written in it does.
told AS (
    SELECT coalesce(g.tool_call_id, d.tool_call_id) AS tool_call_id, g.session_id, g.received_at, g.request_id
    FROM taken AS g LEFT JOIN signals AS d ON g.tool_call_id IS NULL AND d.session_id = g.session_id AND d.name = %(tool_decision)s
        AND d.attributes ->> 'span_id' = g.attributes ->> 'span_id'
)
SELECT DISTINCT ON (g.tool_call_id) t.id, t.session_id, t.tool_name, t.occurred_at, t.brought_by[1], g.received_at, coalesce(g.request_id, '')
FROM told AS g
LEFT JOIN tool_calls AS t ON t.id = g.tool_call_id AND t.session_id = g.session_id AND NOT coalesce(0 >= ANY(t.brought_by), true)
ORDER BY g.tool_call_id, t.id
