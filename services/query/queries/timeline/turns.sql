-- The turns of a session: a prompt of its own thread, or a command that Claude answered, and everything until the next one, that of subagents included.

-- name: prompts
-- The beginnings of a page of turns, and that of the turn after them: of each kind of asks (05_titles.sql) apart, along its index.
SELECT m.id, nullif(m.occurred_at, '-infinity') AS timestamp, 10 AS rank, left(m.content, %(characters)s) AS prompt,
    length(m.content) > %(characters)s AS prompt_is_cut
FROM (
    (SELECT id, occurred_at, content FROM messages
     WHERE session_id = %(session_id)s AND agent_id IS NULL AND role = 'user'
        AND occurred_at >= %(at)s AND (occurred_at, 10, id) > (%(at)s, %(rank)s, %(id)s)
     ORDER BY occurred_at, id LIMIT %(fetch)s)
    UNION ALL
    (SELECT id, occurred_at, content FROM asked_commands
     WHERE session_id = %(session_id)s
        AND occurred_at >= %(at)s AND (occurred_at, 10, id) > (%(at)s, %(rank)s, %(id)s)
     ORDER BY occurred_at, id LIMIT %(fetch)s)
) AS m
ORDER BY m.occurred_at, m.id
LIMIT %(fetch)s

-- name: first
-- The time of the session's first row, and whether it comes before its first prompt: the first entry of each index by session and time. BETWEEN keeps
-- the session in the order (DESC as the index has it). Without it, the index by time may be read from the beginning of all sessions.
SELECT first_at::text, coalesce(first_at < %(until)s, false) AS is_before
FROM (
    SELECT least(
        (SELECT m.occurred_at FROM messages AS m WHERE m.session_id BETWEEN %(session_id)s AND %(session_id)s
            ORDER BY m.session_id DESC, m.occurred_at, m.id LIMIT 1),
        (SELECT t.occurred_at FROM tool_calls AS t WHERE t.session_id BETWEEN %(session_id)s AND %(session_id)s
            ORDER BY t.session_id, t.occurred_at, t.id LIMIT 1),
        (SELECT a.occurred_at FROM activities AS a WHERE a.session_id BETWEEN %(session_id)s AND %(session_id)s
            ORDER BY a.session_id DESC, a.occurred_at, a.id LIMIT 1),
        (SELECT c.occurred_at FROM api_calls AS c WHERE c.session_id BETWEEN %(session_id)s AND %(session_id)s
            ORDER BY c.session_id, c.occurred_at, c.id LIMIT 1),
        (SELECT e.occurred_at FROM timeline_entries AS e WHERE e.session_id BETWEEN %(session_id)s AND %(session_id)s
            ORDER BY e.session_id, e.occurred_at, e.id LIMIT 1)) AS first_at) AS of_all

-- name: tools
-- By turn: `place` is how many of the ascending `times` are not later. So in all that follow.
SELECT width_bucket(occurred_at, %(times)s::timestamptz[]) AS place, tool_name, count(*) AS calls,
    count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors
FROM tool_calls
WHERE session_id = %(session_id)s AND occurred_at >= %(since)s AND occurred_at < %(until)s
GROUP BY 1, 2 ORDER BY calls DESC, tool_name

-- name: files
SELECT width_bucket(a.occurred_at, %(times)s::timestamptz[]) AS place, f.file_path, count(*) AS touches, sum(a.lines_added)::bigint AS lines_added,
    sum(a.lines_removed)::bigint AS lines_removed
FROM activities AS a LEFT JOIN files AS f ON f.file_key = a.file_key
WHERE a.session_id = %(session_id)s AND a.occurred_at >= %(since)s AND a.occurred_at < %(until)s
GROUP BY 1, 2 ORDER BY min(a.occurred_at), f.file_path

-- name: threads
SELECT place, agent_id, count(*) FILTER (WHERE is_message) AS messages, nullif(min(occurred_at), '-infinity') AS first_at,
    nullif(max(occurred_at), '-infinity') AS last_at
FROM (
    SELECT width_bucket(m.occurred_at, %(times)s::timestamptz[]) AS place, m.agent_id, m.occurred_at, true AS is_message
    FROM messages AS m WHERE m.session_id = %(session_id)s AND m.occurred_at >= %(since)s AND m.occurred_at < %(until)s
    UNION ALL
    SELECT width_bucket(t.occurred_at, %(times)s::timestamptz[]), t.agent_id, t.occurred_at, false
    FROM tool_calls AS t WHERE t.session_id = %(session_id)s AND t.occurred_at >= %(since)s AND t.occurred_at < %(until)s
    UNION ALL
    SELECT width_bucket(a.occurred_at, %(times)s::timestamptz[]), a.agent_id, a.occurred_at, false
    FROM activities AS a WHERE a.session_id = %(session_id)s AND a.occurred_at >= %(since)s AND a.occurred_at < %(until)s
    UNION ALL
    SELECT width_bucket(e.occurred_at, %(times)s::timestamptz[]), e.agent_id, e.occurred_at, false
    FROM timeline_entries AS e WHERE e.session_id = %(session_id)s AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
) AS rows_of_turns
GROUP BY 1, 2

-- name: usage
SELECT width_bucket(c.occurred_at, %(times)s::timestamptz[]) AS place, c.model, count(*) AS api_calls,
    count(*) FILTER (WHERE c.cost_nano_usd IS NULL) AS unpriced_calls,
    sum(c.cost_nano_usd)::float8 AS cost_nano_usd,
    least(sum(c.input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(c.output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(c.cache_write_5m_tokens) + sum(c.cache_write_1h_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(c.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    CASE WHEN count(c.thinking_ms) > 0 THEN least(sum(c.thinking_ms), 9007199254740991)::bigint END AS thinking_ms,
    array_remove(array_agg(DISTINCT c.effort), NULL) AS efforts
FROM api_calls AS c
WHERE c.session_id = %(session_id)s AND c.occurred_at >= %(since)s AND c.occurred_at < %(until)s
GROUP BY 1, 2 ORDER BY api_calls DESC, c.model

-- name: active
-- Active time of the session within each turn: from its time to that of the next one. OFFSET 0: the gaps are taken out once, not for each turn.
SELECT t.place, measure_us(r.active * tstzmultirange(tstzrange(t.begins, t.ends))) / 1e6::float8 AS seconds
FROM (
    SELECT without_gap(s.active_ranges, %(idle_gap)s::interval) AS active
    FROM sessions AS s WHERE s.session_id = %(session_id)s OFFSET 0) AS r,
    unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS t (begins, ends, place)
