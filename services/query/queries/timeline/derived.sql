-- Items of a session's timeline that are no rows.

-- name: model_switches
-- Messages whose model is not that of the message before in the same thread.
SELECT id, nullif(occurred_at, '-infinity') AS timestamp, %(rank)s AS rank, agent_id, from_model, model AS to_model
FROM (
    SELECT m.id, m.occurred_at, m.agent_id, m.model,
        lag(m.model) OVER (PARTITION BY CASE WHEN %(all_threads)s THEN m.agent_id END ORDER BY m.occurred_at, m.id) AS from_model
    FROM messages AS m
    WHERE m.session_id = %(session_id)s AND m.role = 'assistant' AND m.model IS NOT NULL
        AND (%(all_threads)s OR m.agent_id = %(agent_id)s OR %(is_main)s AND m.agent_id IS NULL)
) AS said
WHERE from_model <> model
ORDER BY occurred_at, id

-- name: next_model_switches
-- The same of one thread, the first of them: from each to the next message with another model.
WITH RECURSIVE switched AS (
    (
        SELECT 0 AS number, m.id, m.occurred_at, m.agent_id, NULL::text AS from_model, m.model
        FROM messages AS m
        WHERE m.session_id = %(session_id)s AND m.role = 'assistant' AND m.model IS NOT NULL
            AND (m.agent_id = %(agent_id)s OR %(is_main)s AND m.agent_id IS NULL)
        ORDER BY m.occurred_at, m.id LIMIT 1
    )
    UNION ALL
    SELECT s.number + 1, n.id, n.occurred_at, n.agent_id, s.model, n.model
    FROM switched AS s
    CROSS JOIN LATERAL (
        SELECT m.id, m.occurred_at, m.agent_id, m.model
        FROM messages AS m
        WHERE m.session_id = %(session_id)s AND (m.occurred_at, m.id) > (s.occurred_at, s.id) AND m.role = 'assistant' AND m.model <> s.model
            AND (m.agent_id = %(agent_id)s OR %(is_main)s AND m.agent_id IS NULL)
        ORDER BY m.occurred_at, m.id LIMIT 1) AS n
    WHERE s.number < %(most)s
)
SELECT id, nullif(occurred_at, '-infinity') AS timestamp, %(rank)s AS rank, agent_id, from_model, model AS to_model
FROM switched
WHERE number > 0
ORDER BY occurred_at, id

-- name: active_times
-- The first and the last event of each of the session's times of activity, which end an idle gap after their last event.
-- A multirange has its ranges in order.
SELECT ARRAY(SELECT lower(r) FROM unnest(s.active_ranges) AS r) AS firsts,
    ARRAY(SELECT upper(r) - %(idle_gap)s::interval FROM unnest(s.active_ranges) AS r) AS lasts
FROM sessions AS s
WHERE s.session_id = %(session_id)s
