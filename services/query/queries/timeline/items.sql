-- The rows of a session that are items of its timeline, in their order. `rank` is the kind's place among items of one instant; 10 begins a turn.
--
-- Each table is read along its index by session and time; rows of one instant are then sorted by rank and id. The texts of rows are not read, only
-- their lengths, and only of the rows that may be shown. A file change is an item only if no call of the session is known to have made it.

-- name: keys
-- Short, since psycopg keeps a statement only up to 4,096 characters (page_keys.py). Rank 10 of a command is the condition of `asked_commands`.
SELECT k.kind, nullif(k.occurred_at, '-infinity') AS timestamp, k.rank, k.id, k.agent_id, c.changes, c.bytes +
    CASE k.kind
        WHEN 'message' THEN (SELECT octet_length(m.content) FROM messages m WHERE m.id = k.id)
        WHEN 'tool_call' THEN (
            SELECT octet_length(concat(t.parameters, t.result)) FROM tool_calls t WHERE t.id = k.id)
        WHEN 'file_change' THEN (SELECT coalesce(octet_length(a.patch), 0) FROM activities a WHERE a.id = k.id)
        ELSE (SELECT octet_length(concat(e.content, e.details)) FROM timeline_entries e WHERE e.id = k.id)
    END AS bytes
FROM (
    SELECT * FROM (
    (
        SELECT 'message' AS kind, m.occurred_at, r.rank, m.id, m.agent_id
        FROM messages m CROSS JOIN LATERAL (SELECT CASE m.role WHEN 'user' THEN 10 ELSE 50 END AS rank) AS r
        WHERE m.session_id = %(session_id)s AND (%(all_threads)s OR m.agent_id IS NOT DISTINCT FROM %(agent_id)s)
            AND (NOT %(asc)s OR m.occurred_at >= %(at)s AND (m.occurred_at, r.rank, m.id) > (%(at)s, %(rank)s, %(id)s))
            AND (%(asc)s OR m.occurred_at <= %(at)s AND (m.occurred_at, r.rank, m.id) < (%(at)s, %(rank)s, %(id)s))
        ORDER BY
            CASE WHEN %(asc)s THEN m.occurred_at END, CASE WHEN NOT %(asc)s THEN m.occurred_at END DESC,
            CASE WHEN %(asc)s THEN r.rank END, CASE WHEN NOT %(asc)s THEN r.rank END DESC,
            CASE WHEN %(asc)s THEN m.id END, CASE WHEN NOT %(asc)s THEN m.id END DESC
        LIMIT %(fetch)s
    )
    UNION ALL
    (
        SELECT 'tool_call', t.occurred_at, 60, t.id, t.agent_id
        FROM tool_calls t
        WHERE t.session_id = %(session_id)s AND (%(all_threads)s OR t.agent_id IS NOT DISTINCT FROM %(agent_id)s)
            AND (NOT %(asc)s OR t.occurred_at >= %(at)s AND (t.occurred_at, 60, t.id) > (%(at)s, %(rank)s, %(id)s))
            AND (%(asc)s OR t.occurred_at <= %(at)s AND (t.occurred_at, 60, t.id) < (%(at)s, %(rank)s, %(id)s))
        ORDER BY
            CASE WHEN %(asc)s THEN t.occurred_at END, CASE WHEN NOT %(asc)s THEN t.occurred_at END DESC,
            CASE WHEN %(asc)s THEN t.id END, CASE WHEN NOT %(asc)s THEN t.id END DESC
        LIMIT %(fetch)s
    )
    UNION ALL
    (
        SELECT 'file_change', a.occurred_at, 70, a.id, a.agent_id
        FROM activities a
        WHERE a.session_id = %(session_id)s AND (%(all_threads)s OR a.agent_id IS NOT DISTINCT FROM %(agent_id)s)
            AND NOT EXISTS (SELECT FROM tool_calls t WHERE t.id = a.tool_call_id AND t.session_id = %(session_id)s)
            AND (NOT %(asc)s OR a.occurred_at >= %(at)s AND (a.occurred_at, 70, a.id) > (%(at)s, %(rank)s, %(id)s))
            AND (%(asc)s OR a.occurred_at <= %(at)s AND (a.occurred_at, 70, a.id) < (%(at)s, %(rank)s, %(id)s))
        ORDER BY
            CASE WHEN %(asc)s THEN a.occurred_at END, CASE WHEN NOT %(asc)s THEN a.occurred_at END DESC,
            CASE WHEN %(asc)s THEN a.id END, CASE WHEN NOT %(asc)s THEN a.id END DESC
        LIMIT %(fetch)s
    )
    UNION ALL
    (
        SELECT e.kind, e.occurred_at, r.rank, e.id, e.agent_id
        FROM timeline_entries e CROSS JOIN LATERAL (
            SELECT CASE WHEN e.kind = 'command' AND e.agent_id IS NULL AND e.details ->> 'type' = 'prompt' THEN 10
                WHEN e.kind IN ('command', 'compaction') THEN 20 WHEN e.kind = 'thinking' THEN 45 ELSE 30 END AS rank) AS r
        WHERE e.session_id = %(session_id)s AND (%(all_threads)s OR e.agent_id IS NOT DISTINCT FROM %(agent_id)s)
            AND (%(include_thinking)s OR e.kind <> 'thinking')
            AND (NOT %(asc)s OR e.occurred_at >= %(at)s AND (e.occurred_at, r.rank, e.id) > (%(at)s, %(rank)s, %(id)s))
            AND (%(asc)s OR e.occurred_at <= %(at)s AND (e.occurred_at, r.rank, e.id) < (%(at)s, %(rank)s, %(id)s))
        ORDER BY
            CASE WHEN %(asc)s THEN e.occurred_at END, CASE WHEN NOT %(asc)s THEN e.occurred_at END DESC,
            CASE WHEN %(asc)s THEN r.rank END, CASE WHEN NOT %(asc)s THEN r.rank END DESC,
            CASE WHEN %(asc)s THEN e.id END, CASE WHEN NOT %(asc)s THEN e.id END DESC
        LIMIT %(fetch)s
    )
    ) AS of_each
    ORDER BY
        CASE WHEN %(asc)s THEN occurred_at END, CASE WHEN NOT %(asc)s THEN occurred_at END DESC,
        CASE WHEN %(asc)s THEN rank END, CASE WHEN NOT %(asc)s THEN rank END DESC,
        CASE WHEN %(asc)s THEN id END, CASE WHEN NOT %(asc)s THEN id END DESC
    LIMIT %(fetch)s
) AS k
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(a.id::text), '{}') AS changes, coalesce(sum(octet_length(a.patch)), 0) AS bytes
    FROM activities a WHERE k.kind = 'tool_call' AND a.tool_call_id = k.id AND a.session_id = %(session_id)s
) AS c

-- name: place
-- Where a row is: of a change that a known call made, where the call is.
SELECT kind, nullif(occurred_at, '-infinity') AS timestamp, rank, id, agent_id
FROM (
    SELECT 'message' AS kind, m.occurred_at, CASE m.role WHEN 'user' THEN 10 ELSE 50 END AS rank, m.id, m.agent_id
    FROM messages AS m WHERE m.id = %(id)s AND m.session_id = %(session_id)s
    UNION ALL
    SELECT 'tool_call', t.occurred_at, 60, t.id, t.agent_id
    FROM tool_calls AS t
    WHERE t.id IN (SELECT %(id)s::uuid UNION ALL SELECT a.tool_call_id FROM activities AS a WHERE a.id = %(id)s) AND t.session_id = %(session_id)s
    UNION ALL
    SELECT e.kind, e.occurred_at, CASE WHEN e.id IN (SELECT c.id FROM asked_commands AS c WHERE c.id = %(id)s) THEN 10
        WHEN e.kind IN ('command', 'compaction') THEN 20 WHEN e.kind = 'thinking' THEN 45 ELSE 30 END, e.id, e.agent_id
    FROM timeline_entries AS e WHERE e.id = %(id)s AND e.session_id = %(session_id)s
    UNION ALL
    SELECT 'file_change', a.occurred_at, 70, a.id, a.agent_id
    FROM activities AS a WHERE a.id = %(id)s AND a.session_id = %(session_id)s
) AS found
ORDER BY rank LIMIT 1
