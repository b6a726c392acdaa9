-- Which sessions are open, and why the others ended, is in shared/sessions/open_sessions.py, what an open one does in session_state.py. The filled statement is in rendered/.

-- name: sessions
-- The keys of the other orders are constants, which planning leaves out: by time an index has the order.
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
    e.end_reason, coalesce(live.state, 'ended') AS state, {ended_by} AS state_source,
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
CROSS JOIN LATERAL (SELECT {end_reason} AS end_reason) AS e
LEFT JOIN LATERAL (
    SELECT {state} AS state, {source} AS source, {since} AS since, {agents} AS agents
    FROM (SELECT) AS open
    {signs}
    {agent_signs}
    WHERE e.end_reason IS NULL
) AS live ON true
CROSS JOIN LATERAL (SELECT CASE %(sort)s::text
    WHEN 'active_minutes' THEN s.active_us::float8
    WHEN 'messages_count' THEN (s.user_messages + s.assistant_messages)::float8
    WHEN 'tool_calls_count' THEN s.tool_calls::float8
    WHEN 'lines_changed' THEN s.lines_added::float8 + s.lines_removed
    WHEN 'cost_usd' THEN coalesce(s.cost_nano_usd, -1)::float8 END AS whole) AS of_session
-- A session that is not all within the dates has the number of the part that is.
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
    AND (%(contains)s::text IS NULL OR strpos(lower(concat_ws(' ', coalesce(mark.title, s.title), mark.note)), lower(%(contains)s)) > 0)
    AND (%(outcome)s::text IS DISTINCT FROM 'files' OR s.files_modified > 0)
    AND (%(outcome)s::text IS DISTINCT FROM 'nothing' OR s.files_modified = 0)
    -- OFFSET 0: the calls of one session after another, until there are enough sessions. No index has the outcomes.
    AND (%(outcome)s::text IS NULL OR %(outcome)s = 'files' OR (%(outcome)s <> 'nothing') = EXISTS (
        SELECT FROM tool_calls AS t
        WHERE t.session_id = s.session_id AND t.outcome IS NOT NULL AND t.occurred_at > '-infinity'
            AND (%(outcome)s <> 'pull_request' AND t.outcome -> 'commits' IS NOT NULL OR %(outcome)s <> 'commit' AND t.outcome -> 'pull_requests' IS NOT NULL)
        OFFSET 0))
    AND (%(pull_request)s::text IS NULL OR EXISTS (
        SELECT FROM tool_calls AS t CROSS JOIN json_array_elements_text(t.outcome -> 'pull_requests') AS opened (url)
        WHERE t.session_id = s.session_id AND t.outcome IS NOT NULL AND t.occurred_at > '-infinity'
            AND (opened.url = %(pull_request)s OR right(opened.url, length(%(pull_request)s) + 1) = '/' || %(pull_request)s)
        OFFSET 0))
    AND (%(earliest)s::timestamptz IS NULL OR s.dated_at >= %(earliest)s)
    AND (%(went_on)s::text[] IS NULL OR s.dated_at >= %(start)s OR s.session_id = ANY (%(went_on)s))
    AND (%(end)s::timestamptz IS NULL OR s.dated_at < %(end)s)
    AND (%(status)s::text IS DISTINCT FROM 'open' OR s.session_id = ANY (ARRAY(
        SELECT session_id FROM sessions WHERE {is_open} AND last_event_at > '-infinity')))
    AND (%(status)s::text IS DISTINCT FROM 'ended' OR {is_closed} OR s.last_event_at IS NULL)
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

-- name: models
-- Those of its API calls, the most used first. Claude Code writes messages of its own as of a model in angle brackets.
SELECT model FROM api_calls WHERE session_id = %(session_id)s AND model IS NOT NULL AND model NOT LIKE '<%%'
GROUP BY model ORDER BY count(*) DESC, model LIMIT 10
