-- name: calls_with_outcome
-- The calls within [start, end) that something came of: of each session the newest ones, in order.
SELECT t.session_id, t.id, t.agent_id, nullif(t.occurred_at, '-infinity') AS timestamp, t.outcome
FROM unnest(%(ids)s::text[]) AS asked (session_id)
CROSS JOIN LATERAL (
    SELECT session_id, id, agent_id, occurred_at, outcome FROM tool_calls
    WHERE session_id = asked.session_id AND outcome IS NOT NULL
        AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
    ORDER BY session_id DESC, occurred_at DESC, id DESC
    LIMIT %(most)s
) AS t
ORDER BY t.occurred_at, t.id
