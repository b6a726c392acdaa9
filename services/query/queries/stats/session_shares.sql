-- name: shares
-- The share of each session within [start, end), from its rows. Numbers that only a claude.json has count at the session's date.
SELECT s.session_id,
    measure_us(without_gap(s.active_ranges, gap.length) * tstzmultirange(tstzrange(%(start)s, %(end)s))) / 60e6::float8 AS active_minutes,
    m.user_messages, k.commands, m.messages, t.tool_calls, t.tool_errors, a.files_modified,
    least(a.lines_added + CASE WHEN lines.counts THEN s.lines_added ELSE 0 END, 9007199254740991)::bigint AS lines_added,
    least(a.lines_removed + CASE WHEN lines.counts THEN s.lines_removed ELSE 0 END, 9007199254740991)::bigint AS lines_removed,
    least(c.input_tokens + CASE WHEN usage.counts THEN s.input_tokens ELSE 0 END, 9007199254740991)::bigint AS input_tokens,
    least(c.output_tokens + CASE WHEN usage.counts THEN s.output_tokens ELSE 0 END, 9007199254740991)::bigint AS output_tokens,
    least(c.cache_creation_tokens + CASE WHEN usage.counts THEN s.cache_creation_tokens ELSE 0 END, 9007199254740991)::bigint AS cache_creation_tokens,
    least(c.cache_read_tokens + CASE WHEN usage.counts THEN s.cache_read_tokens ELSE 0 END, 9007199254740991)::bigint AS cache_read_tokens,
    c.api_calls, c.unpriced_calls,
    CASE WHEN c.api_calls > c.unpriced_calls THEN c.cost_nano_usd WHEN usage.counts THEN s.cost_nano_usd END / 1e9::float8 AS cost_usd
FROM unnest(%(ids)s::text[]) AS asked (session_id)
JOIN sessions AS s ON s.session_id = asked.session_id
CROSS JOIN (
    {idle_gap}
) AS gap
CROSS JOIN LATERAL (
    SELECT s.usage_from_snapshot AND (%(start)s::timestamptz IS NULL OR s.dated_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR s.dated_at < %(end)s) AS counts
) AS usage
CROSS JOIN LATERAL (
    SELECT s.lines_from_snapshot AND (%(start)s::timestamptz IS NULL OR s.dated_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR s.dated_at < %(end)s) AS counts
) AS lines
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE role = 'user') AS user_messages, count(*) AS messages
    FROM messages
    WHERE session_id = s.session_id AND {dated}
) AS m
CROSS JOIN LATERAL (
    SELECT count(*) AS commands
    FROM asked_commands
    WHERE session_id = s.session_id AND {dated}
) AS k
CROSS JOIN LATERAL (
    SELECT count(*) AS tool_calls, count(*) FILTER (WHERE status IN ('error', 'timeout')) AS tool_errors
    FROM tool_calls
    WHERE session_id = s.session_id AND {dated}
) AS t
CROSS JOIN LATERAL (
    SELECT count(DISTINCT file_key) AS files_modified, coalesce(sum(lines_added), 0) AS lines_added, coalesce(sum(lines_removed), 0) AS lines_removed
    FROM activities
    WHERE session_id = s.session_id AND {dated}
) AS a
CROSS JOIN LATERAL (
    SELECT count(*) AS api_calls, count(*) FILTER (WHERE cost_nano_usd IS NULL) AS unpriced_calls, coalesce(sum(cost_nano_usd), 0) AS cost_nano_usd,
        coalesce(sum(input_tokens), 0) AS input_tokens, coalesce(sum(output_tokens), 0) AS output_tokens,
        coalesce(sum(cache_write_5m_tokens + cache_write_1h_tokens), 0) AS cache_creation_tokens, coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens
    FROM api_calls
    WHERE session_id = s.session_id AND {dated}
) AS c
