-- name: users
-- Users without any event, such as those that were merged into another, are left out. `projects` is the cell of all projects, or one for each of
-- some. Active time in several of them is no sum, since a user who worked on two at once was active once: it is read from the sessions.
SELECT u.name, r.sessions, coalesce(together.active_us, r.active_us) / 60e6::float8 AS active_minutes, r.messages_count, r.tool_calls_count,
    CASE WHEN r.api_calls > r.unpriced_calls OR r.cost_nano_usd > 0 THEN r.cost_nano_usd / 1e9::float8 END AS cost_usd,
    s.first_seen, s.last_seen
FROM users u
CROSS JOIN LATERAL (
    SELECT least(sum(sessions), 9007199254740991)::bigint AS sessions, sum(active_us) AS active_us,
        least(sum(user_messages + assistant_messages), 9007199254740991)::bigint AS messages_count,
        least(sum(tool_calls), 9007199254740991)::bigint AS tool_calls_count,
        sum(api_calls) AS api_calls, sum(unpriced_calls) AS unpriced_calls, sum(cost_nano_usd) AS cost_nano_usd
    FROM activity_rollups
    WHERE project_id = ANY (%(projects)s::bigint[]) AND user_id = u.id AND grain_minutes = 0
    HAVING sum(sessions + user_messages + assistant_messages + tool_calls + api_calls + lines_added + lines_removed) > 0
) AS r
CROSS JOIN LATERAL (
    SELECT min(first_at) AS first_seen, nullif(max(last_at), '-infinity') AS last_seen
    FROM (
        SELECT nullif(dated_at, '-infinity') AS first_at, greatest(last_event_at, dated_at) AS last_at, project_id
        FROM sessions WHERE counted AND user_id = u.id
        UNION ALL
        -- Dropped sessions.
        SELECT nullif(dated_at, '-infinity'), greatest(last_event_at, dated_at), project_id FROM base_sessions WHERE user_id = u.id
    ) AS seen
    WHERE %(projects)s::bigint[] = '{-1}' OR project_id = ANY (%(projects)s::bigint[])
) AS s
LEFT JOIN LATERAL (
    SELECT measure_us(range_agg(without_gap(of_session.active_ranges, make_interval(secs => coalesce(
        (SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), %(idle_gap_seconds)s::integer))))) AS active_us
    FROM (
        SELECT active_ranges FROM sessions WHERE counted AND user_id = u.id AND project_id = ANY (%(projects)s::bigint[])
        UNION ALL
        SELECT active_ranges FROM base_sessions WHERE user_id = u.id AND project_id = ANY (%(projects)s::bigint[])
    ) AS of_session
) AS together ON cardinality(%(projects)s::bigint[]) > 1
WHERE (%(user)s::text IS NULL OR u.id = (SELECT person_of(%(user)s))) AND (%(after_name)s::text IS NULL OR u.name > %(after_name)s)
    AND ((%(start)s::timestamptz IS NULL AND %(end)s::timestamptz IS NULL) OR EXISTS (
        SELECT FROM sessions
        WHERE counted AND user_id = u.id AND (%(projects)s::bigint[] = '{-1}' OR project_id = ANY (%(projects)s::bigint[]))
            AND (%(start)s::timestamptz IS NULL OR dated_at >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR (dated_at < %(end)s AND dated_at > '-infinity'))))
ORDER BY u.name
LIMIT %(fetch)s
