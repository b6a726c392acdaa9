-- shared/sessions/session_state.py has the state of a session, open_sessions.py whether it is open. The filled statement is in rendered/.

-- name: live_sessions
-- A session that is silent for an hour is history, though it may not be closed yet.
SELECT s.session_id, coalesce(mark.title, s.title) AS title,
    CASE WHEN mark.title IS NULL THEN s.title_source ELSE 'person' END AS title_source, nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
    (SELECT max(k.machine_id) FROM session_machines k WHERE k.session_id = s.session_id) AS machine_id,
    {state} AS state,
    {source} AS state_source,
    {tool} AS tool_name,
    {input} AS tool_input,
    {asks} AS asks,
    {error} AS error,
    {since} AS since,
    nullif(least(s.started_at, s.first_event_at), '-infinity') AS start_time, s.last_event_at,
    coalesce(changed.files, '[]') AS files,
    {agents} AS agents,
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
            -- A session of thousands of changes is read every few seconds. BETWEEN keeps the session in the order, so that the index by session is read.
            SELECT file_key, occurred_at, lines_added, lines_removed FROM activities WHERE session_id BETWEEN s.session_id AND s.session_id
            ORDER BY session_id DESC, occurred_at DESC, id DESC LIMIT 200
        ) AS a
        GROUP BY a.file_key ORDER BY at DESC, a.file_key LIMIT 3
    ) AS c JOIN files AS f USING (file_key)
) AS changed ON true
{signs}
{agent_signs}
WHERE {is_open}
    AND s.last_event_at > clock_timestamp() - interval '1 hour'
    AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s)
    AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
    AND (%(user)s::text IS NULL OR s.user_id = (SELECT person_of(%(user)s)))
    AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
ORDER BY s.last_event_at DESC, s.session_id
LIMIT %(most)s
