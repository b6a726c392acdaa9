SELECT s.session_id, coalesce(mark.title, s.title) AS title,
    CASE WHEN mark.title IS NULL THEN s.title_source ELSE 'person' END AS title_source, nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
    (SELECT max(k.machine_id) FROM session_machines k WHERE k.session_id = s.session_id) AS machine_id,
    CASE WHEN sign.waits_since >= sign.worked_at THEN sign.waits_for
        WHEN greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END) IS NOT NULL THEN 'input'
        WHEN sign.heard_at > clock_timestamp() - interval '600 seconds' THEN 'working'
        ELSE 'quiet' END AS state,
    call.tool_name AS tool_name,
    coalesce(
        CASE WHEN sign.waits_since >= sign.worked_at THEN nullif(sign.waits_since, '-infinity')
            ELSE coalesce(greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END), call.occurred_at, nullif(sign.worked_at, '-infinity')) END,
        nullif(s.last_event_at, '-infinity')) AS since,
    nullif(least(s.started_at, s.first_event_at), '-infinity') AS start_time, s.last_event_at,
    prompt.content AS last_prompt, s.model, s.tool_calls AS tool_calls_count,
    least(s.input_tokens + s.output_tokens + s.cache_creation_tokens + s.cache_read_tokens, 9007199254740991)::bigint AS tokens,
    s.cost_nano_usd / 1e9::float8 AS cost_usd
FROM sessions s
LEFT JOIN session_marks mark ON mark.session_id = s.session_id
LEFT JOIN projects p ON p.id = s.project_id
LEFT JOIN users u ON u.id = s.user_id
LEFT JOIN LATERAL (
    SELECT left(a.content, 500) AS content FROM (
        (SELECT id, occurred_at, content FROM messages WHERE session_id = s.session_id AND role = 'user' AND agent_id IS NULL
         ORDER BY occurred_at DESC, id DESC LIMIT 1)
        UNION ALL
        (SELECT id, occurred_at, content FROM asked_commands WHERE session_id = s.session_id ORDER BY occurred_at DESC, id DESC LIMIT 1)
    ) AS a ORDER BY a.occurred_at DESC, a.id DESC LIMIT 1
) AS prompt ON true
LEFT JOIN session_signs AS sign ON sign.session_id = s.session_id
    LEFT JOIN LATERAL (
        SELECT newest.tool_name, newest.occurred_at FROM (
            SELECT t.tool_name, t.occurred_at, t.status FROM tool_calls AS t
            WHERE t.session_id = s.session_id AND t.occurred_at >= sign.prompted_at
                AND greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END) IS NULL AND (sign.worked_at > sign.waits_since OR sign.waits_for = 'permission')
            ORDER BY t.occurred_at DESC LIMIT 32
        ) AS newest
        WHERE newest.status = 'pending' ORDER BY newest.occurred_at DESC LIMIT 1
    ) AS call ON true
WHERE s.counted AND NOT (coalesce(s.ended_at >= s.last_event_at, false) OR coalesce(s.idle_closed_at >= s.last_event_at, false))
    AND s.last_event_at > clock_timestamp() - interval '1 hour'
    AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s)
    AND (%(user)s::text IS NULL OR s.user_id = (SELECT id FROM users WHERE name = %(user)s))
    AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
ORDER BY s.last_event_at DESC, s.session_id
LIMIT %(most)s
