-- A session's numbers by thread, in all and up to a place. One scan of each table's part of the session, without texts.

-- name: threads
-- `started` are the subagents that its calls started. `…_before`: up to the place, its own row too. The call of each change is looked up by its id:
-- an anti join goes over all calls a second time. `has_models`: Claude's messages have more than one model, so that there are switches.
SELECT agent_id, sum(items)::bigint AS items, sum(items_before)::bigint AS items_before, sum(tool_calls)::bigint AS tool_calls,
    sum(prompts)::bigint AS prompts, sum(prompts_before)::bigint AS prompts_before, bool_or(has_models) AS has_models,
    nullif(min(first_at), 'infinity') AS first_at, nullif(max(last_at), '-infinity') AS last_at, coalesce(max(started), '{}') AS started
FROM (
    SELECT m.agent_id, count(*) AS items, count(*) FILTER (WHERE m.is_before) AS items_before, 0 AS tool_calls,
        count(*) FILTER (WHERE m.role = 'user') AS prompts, count(*) FILTER (WHERE m.role = 'user' AND m.is_before) AS prompts_before,
        coalesce(min(m.model) <> max(m.model), false) AS has_models,
        coalesce(min(m.occurred_at) FILTER (WHERE m.occurred_at > '-infinity'), 'infinity') AS first_at, max(m.occurred_at) AS last_at,
        NULL::text[] AS started
    FROM (
        SELECT agent_id, role, CASE role WHEN 'assistant' THEN model END AS model, occurred_at, occurred_at < %(at)s
            OR occurred_at = %(at)s AND (CASE role WHEN 'user' THEN 10 ELSE 50 END, id) <= (%(rank)s, %(id)s) AS is_before
        FROM messages WHERE session_id = %(session_id)s) AS m
    GROUP BY m.agent_id
    UNION ALL
    SELECT t.agent_id, count(*), count(*) FILTER (WHERE t.occurred_at < %(at)s OR t.occurred_at = %(at)s AND (60, t.id) <= (%(rank)s, %(id)s)),
        count(*), 0, 0, false, coalesce(min(t.occurred_at) FILTER (WHERE t.occurred_at > '-infinity'), 'infinity'), max(t.occurred_at),
        array_agg(t.started_agent) FILTER (WHERE t.started_agent IS NOT NULL)
    FROM tool_calls AS t WHERE t.session_id = %(session_id)s GROUP BY t.agent_id
    UNION ALL
    SELECT a.agent_id, count(*), count(*) FILTER (WHERE a.occurred_at < %(at)s OR a.occurred_at = %(at)s AND (70, a.id) <= (%(rank)s, %(id)s)),
        0, 0, 0, false, coalesce(min(a.occurred_at) FILTER (WHERE a.occurred_at > '-infinity'), 'infinity'), max(a.occurred_at), NULL
    FROM activities AS a
    WHERE a.session_id = %(session_id)s
        AND (a.tool_call_id IS NULL OR (SELECT t.session_id FROM tool_calls AS t WHERE t.id = a.tool_call_id) IS DISTINCT FROM %(session_id)s)
    GROUP BY a.agent_id
    UNION ALL
    SELECT e.agent_id, count(*), count(*) FILTER (WHERE e.is_before), 0, count(*) FILTER (WHERE e.rank = 10),
        count(*) FILTER (WHERE e.rank = 10 AND e.is_before), false,
        coalesce(min(e.occurred_at) FILTER (WHERE e.occurred_at > '-infinity'), 'infinity'), max(e.occurred_at), NULL
    FROM (
        SELECT t.agent_id, t.occurred_at, r.rank, t.occurred_at < %(at)s OR t.occurred_at = %(at)s AND (r.rank, t.id) <= (%(rank)s, %(id)s) AS is_before
        FROM timeline_entries AS t CROSS JOIN LATERAL (
            SELECT CASE WHEN t.kind = 'command' AND t.id IN (SELECT c.id FROM asked_commands AS c WHERE c.session_id = %(session_id)s) THEN 10
                WHEN t.kind IN ('command', 'compaction') THEN 20 WHEN t.kind = 'thinking' THEN 45 ELSE 30 END AS rank) AS r
        WHERE t.session_id = %(session_id)s AND (%(include_thinking)s OR t.kind <> 'thinking')) AS e
    GROUP BY e.agent_id
) AS counted
GROUP BY agent_id

-- name: prompts_before
-- Prompts of the session's own thread before a place.
SELECT count(*) AS prompts
FROM asks AS m
WHERE m.session_id = %(session_id)s
    AND m.occurred_at <= %(at)s AND (m.occurred_at, 10, m.id) < (%(at)s, %(rank)s, %(id)s)

-- name: prompts_between
SELECT nullif(m.occurred_at, '-infinity') AS timestamp, 10 AS rank, m.id
FROM asks AS m
WHERE m.session_id = %(session_id)s AND m.occurred_at BETWEEN %(first_at)s AND %(last_at)s
ORDER BY m.occurred_at, m.id
