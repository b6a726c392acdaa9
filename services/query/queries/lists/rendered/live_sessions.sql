SELECT s.session_id, coalesce(mark.title, s.title) AS title,
    CASE WHEN mark.title IS NULL THEN s.title_source ELSE 'person' END AS title_source, nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
    (SELECT max(k.machine_id) FROM session_machines k WHERE k.session_id = s.session_id) AS machine_id,
    CASE WHEN told.state <> 'working' THEN told.state WHEN greatest(sign.heard_at, file.heard_at) > clock_timestamp() - interval '600 seconds' THEN 'working' ELSE 'quiet' END AS state,
    CASE WHEN told.state IS NULL OR told.state = 'working' AND NOT greatest(sign.heard_at, file.heard_at) > clock_timestamp() - interval '600 seconds' THEN 'time'
        WHEN told.is_of_file THEN 'client_file'
        WHEN sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END) THEN sign.waits_by
        WHEN sign.idle_at > sign.worked_at THEN 'hook'
        WHEN greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END) IS NOT NULL THEN sign.replied_by
        ELSE sign.worked_by END AS state_source,
    call.tool_name AS tool_name,
    (SELECT CASE WHEN length(line) > 300 THEN left(line, 300) || '…' ELSE line END FROM btrim(regexp_replace(left(coalesce(call.parameters ->> 'command', call.parameters ->> 'file_path', call.parameters ->> 'pattern', call.parameters ->> 'path', call.parameters ->> 'query', call.parameters ->> 'url', call.parameters ->> 'description', call.parameters ->> 'prompt', call.parameters ->> 'skill', call.parameters ->> 'notebook_path', call.parameters ->> 'plan', call.parameters -> 'questions' -> 0 ->> 'question', call.parameters::text), 2000), '\s+', ' ', 'g')) AS line) AS tool_input,
    (SELECT CASE WHEN length(line) > 300 THEN left(line, 300) || '…' ELSE line END FROM btrim(regexp_replace(left(failure.text, 2000), '\s+', ' ', 'g')) AS line) AS error,
    coalesce(
        CASE WHEN told.is_of_file AND told.state <> 'working' THEN file.does_since
            WHEN sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END) AND told.state <> 'working' THEN nullif(sign.waits_since, '-infinity')
            ELSE coalesce(greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END), call.occurred_at, nullif(greatest(sign.worked_at, CASE WHEN told.is_of_file THEN file.does_since END), '-infinity')) END,
        nullif(s.last_event_at, '-infinity')) AS since,
    nullif(least(s.started_at, s.first_event_at), '-infinity') AS start_time, s.last_event_at,
    coalesce(changed.files, '[]') AS files,
    coalesce(agents.told, '[]') AS agents,
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
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('file_path', f.file_path, 'lines_added', c.added, 'lines_removed', c.removed) ORDER BY c.at DESC, f.file_path) AS files
    FROM (
        SELECT a.file_key, max(a.occurred_at) AS at, sum(a.lines_added)::bigint AS added, sum(a.lines_removed)::bigint AS removed
        FROM (
            SELECT file_key, occurred_at, lines_added, lines_removed FROM activities WHERE session_id BETWEEN s.session_id AND s.session_id
            ORDER BY session_id DESC, occurred_at DESC, id DESC LIMIT 200
        ) AS a
        GROUP BY a.file_key ORDER BY at DESC, a.file_key LIMIT 3
    ) AS c JOIN files AS f USING (file_key)
) AS changed ON true
LEFT JOIN session_signs AS sign ON sign.session_id = s.session_id
    LEFT JOIN LATERAL (
        SELECT p.does, p.does_since, p.read_at, p.heard_at FROM session_processes AS p
        WHERE p.session_id = s.session_id AND p.is_alive AND p.does IS NOT NULL AND NOT EXISTS (
            SELECT FROM session_processes AS o
            WHERE o.machine_id = p.machine_id AND o.pid = p.pid AND o.session_id <> p.session_id AND o.read_at > p.read_at)
        ORDER BY p.does_since DESC, p.read_at DESC, p.machine_id, p.pid LIMIT 1
    ) AS file ON true
    CROSS JOIN LATERAL (
        SELECT CASE WHEN sign.session_id IS NULL THEN NULL
            WHEN sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END) THEN sign.waits_for
            WHEN greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END) IS NOT NULL THEN 'input' ELSE 'working' END AS state
    ) AS signed
    CROSS JOIN LATERAL (
        SELECT coalesce((file.read_at >= greatest(sign.worked_at, sign.waits_since, sign.idle_at, '-infinity')
            OR file.does = signed.state AND file.does <> 'working' AND file.does_since >= sign.worked_at) AND NOT (file.does = 'working' AND signed.state = 'input'
            AND EXISTS (SELECT FROM agent_signs AS b WHERE b.session_id = s.session_id AND b.is_background AND b.over_at <= b.worked_at)), false) AS is_believed,
            coalesce(file.does = 'input' AND signed.state IN ('error', 'interrupted'), false) AS is_explained
    ) AS heard
    CROSS JOIN LATERAL (
        SELECT heard.is_believed AND NOT heard.is_explained AS is_of_file,
            CASE WHEN heard.is_believed AND NOT heard.is_explained THEN file.does ELSE signed.state END AS state
    ) AS told
    LEFT JOIN LATERAL (
        SELECT first.agent_id, first.tool_name, first.occurred_at, first.parameters FROM (
            SELECT DISTINCT ON (newest.agent_id) newest.* FROM (
                SELECT t.id, t.agent_id, t.tool_name, t.occurred_at, t.status, t.parameters FROM tool_calls AS t
                WHERE t.session_id = s.session_id AND t.occurred_at >= sign.prompted_at AND told.state IN ('working', 'permission')
                ORDER BY t.occurred_at DESC LIMIT 32
            ) AS newest
            WHERE newest.status = 'pending' ORDER BY newest.agent_id, newest.occurred_at, newest.id
        ) AS first
        ORDER BY first.occurred_at DESC, first.id LIMIT 1
    ) AS call ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(
            (SELECT e.content FROM timeline_entries AS e
             WHERE e.session_id = s.session_id AND e.occurred_at >= sign.prompted_at AND e.kind = 'api_error' AND e.agent_id IS NULL
             ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1),
            (SELECT t.result FROM tool_calls AS t
             WHERE t.session_id = s.session_id AND t.occurred_at >= sign.prompted_at AND t.status IN ('error', 'timeout')
             ORDER BY t.occurred_at DESC, t.id DESC LIMIT 1)) AS text
        WHERE told.state = 'error'
    ) AS failure ON true
LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('agent_id', shown.agent_id, 'agent_type', starting.agent_type, 'description', starting.description,
            'state', shown.state, 'state_source', shown.source, 'since',
            CASE WHEN shown.state = 'permission' THEN shown.since ELSE coalesce(running.occurred_at, shown.since) END, 'tool_name', running.tool_name,
            'is_background', shown.is_background) ORDER BY shown.is_over, shown.began_at, shown.agent_id) AS told
        FROM (
            SELECT a.agent_id, a.began_at, a.called_at, a.is_background, does.*, does.state IN ('done', 'ended', 'error', 'interrupted') AS is_over
            FROM agent_signs AS a CROSS JOIN LATERAL (
                SELECT CASE WHEN a.over_at > a.worked_at THEN a.over_as WHEN a.worked_at < sign.client_started_at THEN 'ended' WHEN told.state = 'permission' AND call.agent_id = a.agent_id THEN 'permission'
                        WHEN NOT a.is_background AND a.worked_at < sign.prompted_at THEN 'interrupted' WHEN NOT a.is_background AND told.state NOT IN ('working', 'permission') THEN told.state WHEN a.heard_at > clock_timestamp() - interval '600 seconds' THEN 'working' ELSE 'quiet' END AS state,
                    CASE WHEN a.over_at > a.worked_at THEN a.over_by WHEN a.worked_at < sign.client_started_at THEN 'hook' WHEN NOT a.is_background AND a.worked_at < sign.prompted_at AND NOT (told.state = 'permission' AND call.agent_id = a.agent_id) THEN a.worked_by
                        WHEN (told.state = 'permission' AND call.agent_id = a.agent_id) OR NOT a.is_background AND told.state NOT IN ('working', 'permission') THEN CASE WHEN told.state IS NULL OR told.state = 'working' AND NOT greatest(sign.heard_at, file.heard_at) > clock_timestamp() - interval '600 seconds' THEN 'time'
        WHEN told.is_of_file THEN 'client_file'
        WHEN sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END) THEN sign.waits_by
        WHEN sign.idle_at > sign.worked_at THEN 'hook'
        WHEN greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END) IS NOT NULL THEN sign.replied_by
        ELSE sign.worked_by END
                        WHEN a.heard_at > clock_timestamp() - interval '600 seconds' THEN a.worked_by ELSE 'time' END AS source,
                    CASE WHEN a.over_at > a.worked_at THEN a.over_at WHEN a.worked_at < sign.client_started_at THEN sign.client_started_at
                        WHEN (told.state = 'permission' AND call.agent_id = a.agent_id) OR NOT a.is_background AND told.state NOT IN ('working', 'permission') AND NOT (NOT a.is_background AND a.worked_at < sign.prompted_at) THEN coalesce(
        CASE WHEN told.is_of_file AND told.state <> 'working' THEN file.does_since
            WHEN sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END) AND told.state <> 'working' THEN nullif(sign.waits_since, '-infinity')
            ELSE coalesce(greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END), call.occurred_at, nullif(greatest(sign.worked_at, CASE WHEN told.is_of_file THEN file.does_since END), '-infinity')) END,
        nullif(s.last_event_at, '-infinity'))
                        ELSE a.worked_at END AS since
            ) AS does
            WHERE a.session_id = s.session_id AND a.began_at < 'infinity'
                AND (does.state NOT IN ('done', 'ended', 'error', 'interrupted') OR greatest(a.over_at, a.worked_at) >= sign.prompted_at)
            ORDER BY is_over, a.began_at DESC, a.agent_id LIMIT 10
        ) AS shown
        LEFT JOIN LATERAL (
            SELECT newest.tool_name, newest.occurred_at FROM (
                SELECT t.id, t.agent_id, t.tool_name, t.occurred_at, t.status FROM tool_calls AS t
                WHERE t.session_id = s.session_id AND t.occurred_at >= shown.called_at - interval '1 second' AND shown.state IN ('working', 'permission', 'quiet')
                ORDER BY t.occurred_at, t.id LIMIT 32
            ) AS newest
            WHERE newest.agent_id = shown.agent_id AND newest.status = 'pending' ORDER BY newest.occurred_at, newest.id LIMIT 1
        ) AS running ON true
        LEFT JOIN LATERAL (
            -- A call names the subagent once it has answered. While it waits, it is one of those that name none: then what they have in common is told.
            SELECT coalesce(max(agent_type) FILTER (WHERE is_own), CASE WHEN min(agent_type) = max(agent_type) THEN max(agent_type) END) AS agent_type,
                coalesce(max(description) FILTER (WHERE is_own), CASE WHEN min(description) = max(description) THEN max(description) END) AS description
            FROM (
                SELECT coalesce(newest.started_agent = shown.agent_id, false) AS is_own, newest.parameters ->> 'subagent_type' AS agent_type,
                    left(newest.parameters ->> 'description', 200) AS description
                FROM (
                    SELECT t.started_agent, t.tool_name, t.status, t.parameters FROM tool_calls AS t
                    WHERE t.session_id = s.session_id AND t.occurred_at <= shown.began_at + interval '1 second'
                    ORDER BY t.occurred_at DESC, t.id DESC LIMIT 32
                ) AS newest
                WHERE newest.started_agent = shown.agent_id OR newest.started_agent IS NULL AND newest.status = 'pending' AND newest.tool_name IN ('Agent', 'Task')
            ) AS started
        ) AS starting ON true
    ) AS agents ON true
WHERE s.counted AND NOT (coalesce(s.ended_at >= s.last_event_at, false) OR coalesce(s.idle_closed_at >= s.last_event_at, false))
    AND s.last_event_at > clock_timestamp() - interval '1 hour'
    AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s)
    AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
    AND (%(user)s::text IS NULL OR s.user_id = (SELECT person_of(%(user)s)))
    AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
ORDER BY s.last_event_at DESC, s.session_id
LIMIT %(most)s
