-- The outcome of a session.

-- name: ask
SELECT id AS item_id, nullif(occurred_at, '-infinity') AS timestamp, left(content, %(characters)s) AS text, length(content) > %(characters)s AS is_cut
FROM asks WHERE session_id = %(session_id)s
ORDER BY occurred_at, id LIMIT 1

-- name: answer
-- The beginning of Claude's last message in the session's own thread. Its first paragraph is shown.
SELECT id AS item_id, nullif(occurred_at, '-infinity') AS timestamp, left(content, 4000) AS text, length(content) > 4000 AS is_cut
FROM messages WHERE session_id = %(session_id)s AND role = 'assistant' AND agent_id IS NULL AND content <> ''
ORDER BY session_id DESC, occurred_at DESC, id DESC LIMIT 1

-- name: files
-- Those in which most lines changed. `files` counts all.
SELECT f.file_path, a.lines_added, a.lines_removed, a.changes, a.last_item_id, a.last_agent_id, a.files
FROM (
    SELECT file_key, count(*) AS changes, count(*) OVER () AS files,
        least(sum(lines_added), 9007199254740991)::bigint AS lines_added, least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed,
        (array_agg(coalesce(tool_call_id, id) ORDER BY occurred_at DESC, id DESC))[1] AS last_item_id,
        (array_agg(agent_id ORDER BY occurred_at DESC, id DESC))[1] AS last_agent_id
    FROM activities
    WHERE session_id = %(session_id)s
    GROUP BY 1
    ORDER BY sum(lines_added) + sum(lines_removed) DESC, file_key
    LIMIT %(most)s
) AS a
LEFT JOIN files AS f ON f.file_key = a.file_key
ORDER BY a.lines_added + a.lines_removed DESC, f.file_path

-- name: failures
-- By tool and class, the most frequent. `kinds` counts all.
SELECT tool_name, error_class, count(*) AS calls, (array_agg(id ORDER BY occurred_at DESC, id DESC))[1] AS last_item_id,
    (array_agg(agent_id ORDER BY occurred_at DESC, id DESC))[1] AS last_agent_id, count(*) OVER () AS kinds
FROM tool_calls
WHERE session_id = %(session_id)s AND status IN ('error', 'timeout')
GROUP BY 1, 2
ORDER BY calls DESC, tool_name, error_class
LIMIT %(most)s

-- name: days
-- The days of the zone on which something happened. A session that is a copy of another has only active time of its own.
-- A date becomes a timestamp first: as a timestamptz it would be a midnight of the connection's zone.
WITH happened AS (
    SELECT (occurred_at AT TIME ZONE %(tz)s)::date AS date, occurred_at, id, (role = 'user' AND agent_id IS NULL)::integer AS asks, 0 AS tool_calls,
        NULL::bigint AS cost_nano_usd, agent_id IS NULL AS is_item
    FROM messages WHERE session_id = %(session_id)s AND occurred_at > '-infinity'
    UNION ALL
    SELECT (occurred_at AT TIME ZONE %(tz)s)::date, occurred_at, id, 1, 0, NULL, true FROM asked_commands WHERE session_id = %(session_id)s AND occurred_at > '-infinity'
    UNION ALL
    SELECT (occurred_at AT TIME ZONE %(tz)s)::date, occurred_at, id, 0, 1, NULL, agent_id IS NULL FROM tool_calls
    WHERE session_id = %(session_id)s AND occurred_at > '-infinity'
    UNION ALL
    SELECT (occurred_at AT TIME ZONE %(tz)s)::date, occurred_at, id, 0, 0, cost_nano_usd, false FROM api_calls
    WHERE session_id = %(session_id)s AND occurred_at > '-infinity'
    UNION ALL
    SELECT (lower(r) AT TIME ZONE %(tz)s)::date, lower(r), NULL, 0, 0, NULL, false
    FROM sessions AS s CROSS JOIN unnest(s.active_ranges) AS r WHERE s.session_id = %(session_id)s
)
SELECT d.date, d.first_item_id, d.asks, d.tool_calls, d.cost_usd, d.days,
    coalesce((SELECT measure_us(without_gap(s.active_ranges, %(idle_gap)s::interval) * tstzmultirange(tstzrange(d.date::timestamp AT TIME ZONE %(tz)s, (d.date + 1)::timestamp AT TIME ZONE %(tz)s)))
        FROM sessions AS s WHERE s.session_id = %(session_id)s), 0) / 60e6::float8 AS active_minutes
FROM (
    SELECT date, (array_agg(id ORDER BY occurred_at, id) FILTER (WHERE is_item))[1] AS first_item_id, sum(asks) AS asks, sum(tool_calls) AS tool_calls,
        sum(cost_nano_usd)::float8 / 1e9 AS cost_usd, count(*) OVER () AS days
    FROM happened GROUP BY date
    ORDER BY date LIMIT %(most)s
) AS d
ORDER BY d.date
