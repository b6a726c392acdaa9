SELECT s.session_id, coalesce(mark.title, s.title) AS title, mark.title IS NOT NULL AS own_title,
    CASE WHEN mark.title IS NULL THEN s.title_source ELSE 'person' END AS title_source,
    coalesce(mark.is_starred, false) AS is_starred, coalesce(mark.tags, '{}') AS tags, mark.note,
    coalesce(mark.visibility, p.visibility) AS visibility,
    s.parent_session_id, nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
    nullif(least(s.started_at, s.first_event_at), '-infinity') AS start_time,
    CASE WHEN e.end_reason IN ('idle', 'gone') THEN s.last_event_at WHEN e.end_reason IS NOT NULL THEN s.ended_at END AS end_time,
    s.wall_us / 60e6::float8 AS duration_minutes,
    s.active_us / 60e6::float8 AS active_minutes,
    CASE WHEN e.end_reason IS NULL THEN 'open' ELSE 'ended' END AS status,
    e.end_reason, coalesce(live.state, 'ended') AS state, CASE WHEN e.end_reason IS NULL THEN live.source ELSE CASE e.end_reason WHEN 'gone' THEN 'client_file' WHEN 'idle' THEN 'time' WHEN 'imported' THEN 'time' WHEN 'explicit' THEN 'event' ELSE 'hook' END END AS state_source,
    CASE WHEN e.end_reason IS NULL THEN live.since ELSE coalesce(s.ended_at, s.last_event_at) END AS state_since,
    coalesce(live.agents, '[]') AS agents,
    s.user_messages + s.assistant_messages AS messages_count, s.user_messages,
    (SELECT count(*) FROM asked_commands c WHERE c.session_id = s.session_id) AS commands,
    s.files_modified AS files_modified_count,
    least(s.lines_added, 9007199254740991)::bigint AS lines_added, least(s.lines_removed, 9007199254740991)::bigint AS lines_removed,
    s.tool_calls AS tool_calls_count, s.tool_errors AS tool_errors_count,
    least(s.input_tokens, 9007199254740991)::bigint AS input_tokens, least(s.output_tokens, 9007199254740991)::bigint AS output_tokens,
    least(s.cache_creation_tokens, 9007199254740991)::bigint AS cache_creation_tokens,
    least(s.cache_read_tokens, 9007199254740991)::bigint AS cache_read_tokens, s.api_calls, s.unpriced_calls,
    s.model, s.git_branch, s.client_version, s.cost_nano_usd / 1e9::float8 AS cost_usd,
    (SELECT c.own_nano_usd / 1e9::float8 FROM session_client_costs AS c WHERE c.session_id = s.session_id) AS client_cost_usd,
    CASE WHEN s.cache_priced_calls > 0 AND s.cache_priced_calls = s.api_calls - s.unpriced_calls
        THEN s.cache_saved_nano_usd / 1e9::float8 END AS cache_saved_usd,
    s.source,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('machine_id', k.machine_id, 'name', m.name) ORDER BY m.name, k.machine_id), '[]')
     FROM session_machines k LEFT JOIN machines m ON m.machine_id = k.machine_id WHERE k.session_id = s.session_id) AS machines,
    gone.dropped_at AS texts_dropped_at, gone.before AS texts_dropped_before,
    nullif(s.dated_at, '-infinity') AS dated_at, sorted.number AS sort_number,
    coalesce(octet_length(mark.note), 0) AS bytes
FROM sessions s
LEFT JOIN session_marks mark ON mark.session_id = s.session_id
LEFT JOIN dropped_texts gone ON gone.session_id = s.session_id
LEFT JOIN projects p ON p.id = s.project_id
LEFT JOIN users u ON u.id = s.user_id
CROSS JOIN LATERAL (SELECT CASE
        WHEN s.ended_at >= s.last_event_at THEN coalesce(s.end_reason, 'explicit')
        WHEN s.idle_closed_at >= s.last_event_at AND s.last_event_at < s.ended_at + interval '5 seconds' THEN coalesce(s.end_reason, 'idle')
        WHEN s.idle_closed_at >= s.last_event_at AND s.gone_at >= s.last_event_at THEN 'gone'
        WHEN s.idle_closed_at >= s.last_event_at THEN 'idle'
        WHEN s.last_event_at IS NULL AND s.counted THEN 'imported' END AS end_reason) AS e
LEFT JOIN LATERAL (
    SELECT CASE WHEN told.state <> 'working' THEN told.state WHEN greatest(sign.heard_at, file.heard_at) > clock_timestamp() - interval '600 seconds' THEN 'working' ELSE 'quiet' END AS state, CASE WHEN told.state IS NULL OR told.state = 'working' AND NOT greatest(sign.heard_at, file.heard_at) > clock_timestamp() - interval '600 seconds' THEN 'time'
        WHEN told.is_of_file THEN 'client_file'
        WHEN sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END) THEN sign.waits_by
        WHEN sign.idle_at > sign.worked_at THEN 'hook'
        WHEN greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END) IS NOT NULL THEN sign.replied_by
        ELSE sign.worked_by END AS source, coalesce(
        CASE WHEN told.is_of_file AND told.state <> 'working' THEN file.does_since
            WHEN sign.waits_since >= greatest(sign.worked_at, CASE WHEN sign.waits_for = 'permission' THEN sign.agents_worked_at END) AND told.state <> 'working' THEN nullif(sign.waits_since, '-infinity')
            ELSE coalesce(greatest(
    CASE WHEN sign.idle_at > sign.worked_at THEN sign.idle_at END,
    CASE WHEN NOT sign.is_hooked AND sign.replied_at >= sign.worked_at THEN sign.replied_at END), call.occurred_at, nullif(greatest(sign.worked_at, CASE WHEN told.is_of_file THEN file.does_since END), '-infinity')) END,
        nullif(s.last_event_at, '-infinity')) AS since, coalesce(agents.told, '[]') AS agents
    FROM (SELECT) AS open
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
    WHERE e.end_reason IS NULL
) AS live ON true
CROSS JOIN LATERAL (SELECT CASE %(sort)s::text
    WHEN 'active_minutes' THEN s.active_us::float8
    WHEN 'messages_count' THEN (s.user_messages + s.assistant_messages)::float8
    WHEN 'tool_calls_count' THEN s.tool_calls::float8
    WHEN 'lines_changed' THEN s.lines_added::float8 + s.lines_removed
    WHEN 'cost_usd' THEN coalesce(s.cost_nano_usd, -1)::float8 END AS whole) AS of_session
CROSS JOIN LATERAL (SELECT CASE WHEN %(share_ids)s::text[] IS NULL THEN of_session.whole
    ELSE coalesce((%(share_numbers)s::float8[])[array_position(%(share_ids)s::text[], s.session_id)], of_session.whole) END AS number) AS sorted
WHERE (%(session_id)s::text IS NULL OR s.session_id = %(session_id)s)
    AND (%(session_id)s::text IS NOT NULL OR s.counted)
    AND (%(id_prefix)s::text IS NULL OR starts_with(s.session_id, %(id_prefix)s))
    AND (%(project_id)s::bigint IS NULL OR s.project_id = coalesce((SELECT merged_into FROM projects WHERE id = %(project_id)s), %(project_id)s))
    AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
    AND (%(user)s::text IS NULL OR s.user_id = (SELECT person_of(%(user)s)))
    AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(model)s::text IS NULL OR s.model = %(model)s)
    AND (%(branch)s::text IS NULL OR s.git_branch = %(branch)s)
    AND (%(source)s::text IS NULL OR s.source = %(source)s)
    AND (%(starred)s::boolean IS DISTINCT FROM true OR s.session_id = ANY (ARRAY(SELECT session_id FROM session_marks WHERE is_starred)))
    AND (%(starred)s::boolean IS DISTINCT FROM false OR NOT coalesce(mark.is_starred, false))
    AND (%(tag_key)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT session_id FROM session_marks WHERE tag_keys @> ARRAY[%(tag_key)s])))
    AND (%(earliest)s::timestamptz IS NULL OR s.dated_at >= %(earliest)s)
    AND (%(went_on)s::text[] IS NULL OR s.dated_at >= %(start)s OR s.session_id = ANY (%(went_on)s))
    AND (%(end)s::timestamptz IS NULL OR s.dated_at < %(end)s)
    AND (%(status)s::text IS DISTINCT FROM 'open' OR s.session_id = ANY (ARRAY(
        SELECT session_id FROM sessions WHERE sessions.counted AND NOT (coalesce(sessions.ended_at >= sessions.last_event_at, false) OR coalesce(sessions.idle_closed_at >= sessions.last_event_at, false)) AND last_event_at > '-infinity')))
    AND (%(status)s::text IS DISTINCT FROM 'ended' OR (coalesce(s.ended_at >= s.last_event_at, false) OR coalesce(s.idle_closed_at >= s.last_event_at, false)) OR s.last_event_at IS NULL)
    AND (%(after_time)s::timestamptz IS NULL OR %(ascending)s OR (s.dated_at, s.session_id) < (%(after_time)s, %(after_id)s::text))
    AND (%(after_time)s::timestamptz IS NULL OR NOT %(ascending)s OR (s.dated_at, s.session_id) > (%(after_time)s, %(after_id)s::text))
    AND (%(after_number)s::float8 IS NULL OR %(ascending)s OR (sorted.number, s.session_id) < (%(after_number)s, %(after_id)s::text))
    AND (%(after_number)s::float8 IS NULL OR NOT %(ascending)s OR (sorted.number, s.session_id) > (%(after_number)s, %(after_id)s::text))
ORDER BY
    CASE WHEN NOT %(ascending)s THEN sorted.number END DESC,
    CASE WHEN %(ascending)s THEN sorted.number END,
    CASE WHEN %(sort)s::text = 'start_time' AND NOT %(ascending)s THEN s.dated_at END DESC,
    CASE WHEN %(sort)s::text = 'start_time' AND %(ascending)s THEN s.dated_at END,
    CASE WHEN NOT %(ascending)s THEN s.session_id END DESC,
    CASE WHEN %(ascending)s THEN s.session_id END
LIMIT %(fetch)s
