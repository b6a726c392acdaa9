-- How many items a session has, by thread, and how many come before a place. One scan of each table's part of the session, without texts.

-- name: threads
-- Several rows a thread: one of each table. `started` are the subagents that its calls started.
SELECT agent_id, items, tool_calls, prompts, nullif(first_at, 'infinity') AS first_at, nullif(last_at, '-infinity') AS last_at, started
FROM (
    SELECT m.agent_id, count(*) AS items, 0 AS tool_calls, count(*) FILTER (WHERE m.role = 'user') AS prompts,
        coalesce(min(m.occurred_at) FILTER (WHERE m.occurred_at > '-infinity'), 'infinity') AS first_at, max(m.occurred_at) AS last_at,
        NULL::text[] AS started
    FROM messages AS m WHERE m.session_id = %(session_id)s GROUP BY m.agent_id
    UNION ALL
    SELECT t.agent_id, count(*), count(*), 0,
        coalesce(min(t.occurred_at) FILTER (WHERE t.occurred_at > '-infinity'), 'infinity'), max(t.occurred_at),
        array_agg(t.started_agent) FILTER (WHERE t.started_agent IS NOT NULL)
    FROM tool_calls AS t WHERE t.session_id = %(session_id)s GROUP BY t.agent_id
    UNION ALL
    SELECT a.agent_id, count(*), 0, 0,
        coalesce(min(a.occurred_at) FILTER (WHERE a.occurred_at > '-infinity'), 'infinity'), max(a.occurred_at), NULL
    FROM activities AS a
    WHERE a.session_id = %(session_id)s
        AND NOT EXISTS (SELECT FROM tool_calls AS t WHERE t.id = a.tool_call_id AND t.session_id = %(session_id)s)
    GROUP BY a.agent_id
    UNION ALL
    SELECT e.agent_id, count(*), 0, 0,
        coalesce(min(e.occurred_at) FILTER (WHERE e.occurred_at > '-infinity'), 'infinity'), max(e.occurred_at), NULL
    FROM timeline_entries AS e
    WHERE e.session_id = %(session_id)s AND (%(include_thinking)s OR e.kind <> 'thinking')
    GROUP BY e.agent_id
) AS counted

-- name: items_on_one_side
-- Items before a place, or from it on, whichever the caller expects to be fewer.
SELECT coalesce(sum(items), 0)::bigint AS items
FROM (
    SELECT count(*) AS items
    FROM messages AS m CROSS JOIN LATERAL (SELECT CASE m.role WHEN 'user' THEN 10 ELSE 50 END AS rank) AS r
    WHERE m.session_id = %(session_id)s AND (%(all_threads)s OR m.agent_id = %(agent_id)s OR %(is_main)s AND m.agent_id IS NULL)
        AND (NOT %(before)s OR m.occurred_at <= %(at)s AND (m.occurred_at, r.rank, m.id) < (%(at)s, %(rank)s, %(id)s))
        AND (%(before)s OR m.occurred_at >= %(at)s AND (m.occurred_at, r.rank, m.id) >= (%(at)s, %(rank)s, %(id)s))
    UNION ALL
    SELECT count(*)
    FROM tool_calls AS t
    WHERE t.session_id = %(session_id)s AND (%(all_threads)s OR t.agent_id = %(agent_id)s OR %(is_main)s AND t.agent_id IS NULL)
        AND (NOT %(before)s OR t.occurred_at <= %(at)s AND (t.occurred_at, 60, t.id) < (%(at)s, %(rank)s, %(id)s))
        AND (%(before)s OR t.occurred_at >= %(at)s AND (t.occurred_at, 60, t.id) >= (%(at)s, %(rank)s, %(id)s))
    UNION ALL
    SELECT count(*)
    FROM activities AS a
    WHERE a.session_id = %(session_id)s AND (%(all_threads)s OR a.agent_id = %(agent_id)s OR %(is_main)s AND a.agent_id IS NULL)
        AND NOT EXISTS (SELECT FROM tool_calls AS t WHERE t.id = a.tool_call_id AND t.session_id = %(session_id)s)
        AND (NOT %(before)s OR a.occurred_at <= %(at)s AND (a.occurred_at, 70, a.id) < (%(at)s, %(rank)s, %(id)s))
        AND (%(before)s OR a.occurred_at >= %(at)s AND (a.occurred_at, 70, a.id) >= (%(at)s, %(rank)s, %(id)s))
    UNION ALL
    SELECT count(*)
    FROM timeline_entries AS e
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.kind IN ('command', 'compaction') THEN 20 WHEN e.kind = 'thinking' THEN 45 ELSE 30 END AS rank) AS r
    WHERE e.session_id = %(session_id)s AND (%(all_threads)s OR e.agent_id = %(agent_id)s OR %(is_main)s AND e.agent_id IS NULL)
        AND (%(include_thinking)s OR e.kind <> 'thinking')
        AND (NOT %(before)s OR e.occurred_at <= %(at)s AND (e.occurred_at, r.rank, e.id) < (%(at)s, %(rank)s, %(id)s))
        AND (%(before)s OR e.occurred_at >= %(at)s AND (e.occurred_at, r.rank, e.id) >= (%(at)s, %(rank)s, %(id)s))
) AS counted

-- name: prompts_before
-- Prompts of the session's own thread before a place.
SELECT count(*) AS prompts
FROM messages AS m
WHERE m.session_id = %(session_id)s AND m.agent_id IS NULL AND m.role = 'user'
    AND m.occurred_at <= %(at)s AND (m.occurred_at, 10, m.id) < (%(at)s, %(rank)s, %(id)s)

-- name: prompts_between
SELECT nullif(m.occurred_at, '-infinity') AS timestamp, 10 AS rank, m.id
FROM messages AS m
WHERE m.session_id = %(session_id)s AND m.agent_id IS NULL AND m.role = 'user' AND m.occurred_at BETWEEN %(first_at)s AND %(last_at)s
ORDER BY m.occurred_at, m.id
