-- name: by_rollups
SELECT CASE WHEN %(by_interval)s THEN e.i END AS i, CASE WHEN %(by_project)s THEN e.project_id END AS project_id,
    CASE WHEN %(by_user)s THEN e.user_id END AS user_id,
    sum(e.active_us)::float8 AS active_us,
    least(sum(e.sessions), 9007199254740991)::bigint AS sessions,
    least(sum(e.messages), 9007199254740991)::bigint AS messages,
    least(sum(e.tool_calls), 9007199254740991)::bigint AS tool_calls,
    least(sum(e.tool_errors), 9007199254740991)::bigint AS tool_errors,
    least(sum(e.lines_added), 9007199254740991)::bigint AS lines_added,
    least(sum(e.lines_removed), 9007199254740991)::bigint AS lines_removed,
    least(sum(e.input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(e.output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(e.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(e.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(e.api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(e.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(e.cost_nano_usd)::float8 AS cost_nano_usd,
    least(sum(e.cache_priced_calls), 9007199254740991)::bigint AS cache_priced_calls,
    sum(e.uncached_nano_usd)::float8 AS uncached_nano_usd,
    sum(e.cache_saved_nano_usd)::float8 AS cache_saved_nano_usd
FROM (
    SELECT width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1 AS i, r.project_id, r.user_id,
        r.sessions, r.active_us, r.user_messages + r.assistant_messages AS messages, r.tool_calls, r.tool_errors, r.lines_added, r.lines_removed,
        r.input_tokens, r.output_tokens, r.cache_creation_tokens, r.cache_read_tokens, r.api_calls, r.unpriced_calls, r.cost_nano_usd,
        r.cache_priced_calls, r.uncached_nano_usd, r.cache_saved_nano_usd
    FROM (
        SELECT %(project_id)s::bigint AS id WHERE NOT %(every_project)s
        UNION ALL SELECT 0 WHERE %(every_project)s
        UNION ALL SELECT id FROM projects WHERE %(every_project)s
    ) AS p
    CROSS JOIN (
        SELECT %(user_id)s::bigint AS id WHERE NOT %(every_user)s
        UNION ALL SELECT 0 WHERE %(every_user)s
        UNION ALL SELECT id FROM users WHERE %(every_user)s
    ) AS u
    CROSS JOIN LATERAL (
        SELECT * FROM activity_rollups
        WHERE project_id = p.id AND user_id = u.id AND grain_minutes = 1440
            AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)
        OFFSET 0
    ) AS r
    UNION ALL
    SELECT k.i, r.project_id, r.user_id,
        k.sign * r.sessions, k.sign * r.active_us, k.sign * (r.user_messages + r.assistant_messages),
        k.sign * r.tool_calls, k.sign * r.tool_errors, k.sign * r.lines_added, k.sign * r.lines_removed,
        k.sign * r.input_tokens, k.sign * r.output_tokens, k.sign * r.cache_creation_tokens,
        k.sign * r.cache_read_tokens, k.sign * r.api_calls, k.sign * r.unpriced_calls,
        k.sign * r.cost_nano_usd, k.sign * r.cache_priced_calls,
        k.sign * r.uncached_nano_usd, k.sign * r.cache_saved_nano_usd
    FROM (
        SELECT %(project_id)s::bigint AS id WHERE NOT %(every_project)s
        UNION ALL SELECT 0 WHERE %(every_project)s
        UNION ALL SELECT id FROM projects WHERE %(every_project)s
    ) AS p
    CROSS JOIN (
        SELECT %(user_id)s::bigint AS id WHERE NOT %(every_user)s
        UNION ALL SELECT 0 WHERE %(every_user)s
        UNION ALL SELECT id FROM users WHERE %(every_user)s
    ) AS u
    CROSS JOIN unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[], %(rights)s::int[], %(wrongs)s::int[])
        AS g (grain_minutes, start, until, "right", wrong)
    CROSS JOIN LATERAL (
        SELECT * FROM activity_rollups
        WHERE project_id = p.id AND user_id = u.id AND grain_minutes = g.grain_minutes
            AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (VALUES (g."right", 1), (g.wrong, -1)) AS k (i, sign)
    WHERE k.i >= 0
) AS e
GROUP BY 1, 2, 3
HAVING (sum(e.sessions), sum(e.active_us), sum(e.messages), sum(e.tool_calls), sum(e.tool_errors), sum(e.lines_added), sum(e.lines_removed),
    sum(e.input_tokens), sum(e.output_tokens), sum(e.cache_creation_tokens), sum(e.cache_read_tokens), sum(e.api_calls), sum(e.unpriced_calls),
    sum(e.cost_nano_usd), sum(e.cache_priced_calls), sum(e.uncached_nano_usd), sum(e.cache_saved_nano_usd))
    <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
LIMIT %(most)s

-- name: by_model
SELECT CASE WHEN %(by_interval)s THEN e.i END AS i, CASE WHEN %(by_project)s THEN e.project_id END AS project_id,
    CASE WHEN %(by_user)s THEN e.user_id END AS user_id,
    CASE WHEN %(by_model)s THEN e.model END AS model,
    least(sum(e.input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(e.output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(e.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(e.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(e.api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(e.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(e.cost_nano_usd)::float8 AS cost_nano_usd,
    least(sum(e.cache_priced_calls), 9007199254740991)::bigint AS cache_priced_calls,
    sum(e.uncached_nano_usd)::float8 AS uncached_nano_usd,
    sum(e.cache_saved_nano_usd)::float8 AS cache_saved_nano_usd
FROM (
    SELECT width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1, r.project_id, r.user_id, r.model,
        r.input_tokens, r.output_tokens, r.cache_creation_tokens, r.cache_read_tokens, r.api_calls, r.unpriced_calls, r.cost_nano_usd,
        r.cache_priced_calls, r.uncached_nano_usd, r.cache_saved_nano_usd
    FROM (
        SELECT %(project_id)s::bigint AS id WHERE NOT %(every_project)s
        UNION ALL SELECT 0 WHERE %(every_project)s
        UNION ALL SELECT id FROM projects WHERE %(every_project)s
    ) AS p
    CROSS JOIN (
        SELECT %(user_id)s::bigint AS id WHERE NOT %(every_user)s
        UNION ALL SELECT 0 WHERE %(every_user)s
        UNION ALL SELECT id FROM users WHERE %(every_user)s
    ) AS u
    CROSS JOIN LATERAL (
        SELECT * FROM usage_rollups
        WHERE project_id = p.id AND user_id = u.id AND grain_minutes = %(grain)s
            AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        OFFSET 0
    ) AS r
    UNION ALL
    SELECT k.i, r.project_id, r.user_id, r.model,
        k.sign * r.input_tokens, k.sign * r.output_tokens, k.sign * r.cache_creation_tokens, k.sign * r.cache_read_tokens,
        k.sign * r.api_calls, k.sign * r.unpriced_calls, k.sign * r.cost_nano_usd,
        k.sign * r.cache_priced_calls, k.sign * r.uncached_nano_usd, k.sign * r.cache_saved_nano_usd
    FROM unnest(%(starts)s::float8[], %(ends)s::float8[], %(rights)s::int[], %(wrongs)s::int[]) AS g (start, until, "right", wrong)
    CROSS JOIN LATERAL (
        SELECT project_id, user_id, coalesce(model, '') AS model, input_tokens, output_tokens,
            cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
            1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd,
            (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
            coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
        FROM api_calls
        WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        UNION ALL
        SELECT project_id, user_id, coalesce(model, ''), input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens,
            0, 0, coalesce(cost_nano_usd, 0), 0, 0, 0
        FROM sessions
        WHERE counted AND usage_from_snapshot AND dated_at >= to_timestamp(g.start) AND dated_at < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (VALUES (g."right", 1), (g.wrong, -1)) AS k (i, sign)
    WHERE k.i >= 0
) AS e (i, project_id, user_id, model, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls,
    cost_nano_usd, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
GROUP BY 1, 2, 3, 4
HAVING (sum(e.input_tokens), sum(e.output_tokens), sum(e.cache_creation_tokens), sum(e.cache_read_tokens), sum(e.api_calls), sum(e.unpriced_calls),
    sum(e.cost_nano_usd), sum(e.cache_priced_calls), sum(e.uncached_nano_usd), sum(e.cache_saved_nano_usd)) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
LIMIT %(most)s

-- name: by_session
SELECT CASE WHEN %(by_interval)s THEN e.i END AS i, CASE WHEN %(by_project)s THEN e.project_id END AS project_id,
    CASE WHEN %(by_user)s THEN e.user_id END AS user_id,
    CASE WHEN %(by_model)s THEN coalesce(e.model, '') END AS model,
    CASE WHEN %(by_session)s THEN nullif(e.session_id, '') END AS session_id, CASE WHEN %(by_branch)s THEN s.git_branch END AS branch,
    CASE WHEN %(by_machine)s THEN k.machine_id END AS machine_id,
    CASE WHEN %(by_group)s THEN w.group_name END AS "group", CASE WHEN %(by_repository)s THEN w.repository END AS repository,
    CASE WHEN %(by_kept)s THEN e.session_id IS DISTINCT FROM '' END AS is_kept,
    least(sum(e.sessions), 9007199254740991)::bigint AS sessions,
    least(sum(e.messages), 9007199254740991)::bigint AS messages,
    least(sum(e.tool_calls), 9007199254740991)::bigint AS tool_calls,
    least(sum(e.tool_errors), 9007199254740991)::bigint AS tool_errors,
    least(sum(e.lines_added), 9007199254740991)::bigint AS lines_added,
    least(sum(e.lines_removed), 9007199254740991)::bigint AS lines_removed,
    least(sum(e.input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(e.output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(e.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(e.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(e.api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(e.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(e.cost_nano_usd)::float8 AS cost_nano_usd,
    least(sum(e.cache_priced_calls), 9007199254740991)::bigint AS cache_priced_calls,
    sum(e.uncached_nano_usd)::float8 AS uncached_nano_usd,
    sum(e.cache_saved_nano_usd)::float8 AS cache_saved_nano_usd
FROM (
    SELECT session_id, project_id, user_id, width_bucket(date_part('epoch', at), %(edges)s::float8[]) - 1 AS i, model,
        sum(sessions) AS sessions, sum(messages) AS messages, sum(tool_calls) AS tool_calls, sum(tool_errors) AS tool_errors,
        sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cache_creation_tokens) AS cache_creation_tokens, sum(cache_read_tokens) AS cache_read_tokens, sum(api_calls) AS api_calls,
        sum(unpriced_calls) AS unpriced_calls, sum(cost_nano_usd) AS cost_nano_usd, sum(cache_priced_calls) AS cache_priced_calls,
        sum(uncached_nano_usd) AS uncached_nano_usd, sum(cache_saved_nano_usd) AS cache_saved_nano_usd
    FROM (
        SELECT session_id, project_id, user_id, occurred_at AS at, CASE WHEN %(with_models)s THEN model END AS model,
            0 AS sessions, 0 AS messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS lines_added, 0 AS lines_removed,
            input_tokens, output_tokens, cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
            1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd,
            (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
            coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
        FROM api_calls
        WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
            AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
                AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
                AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (NOT %(from_totals)s OR session_id IS NULL)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        UNION ALL
        SELECT session_id, project_id, user_id, occurred_at, NULL, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM messages
        WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
            AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
                AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
                AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (NOT %(from_totals)s OR session_id IS NULL)
            AND NOT %(with_models)s
        UNION ALL
        SELECT session_id, project_id, user_id, occurred_at, NULL, 0, 0, 1, (status IN ('error', 'timeout'))::int, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM tool_calls
        WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
            AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
                AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
                AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (NOT %(from_totals)s OR session_id IS NULL)
            AND NOT %(with_models)s
        UNION ALL
        SELECT session_id, project_id, user_id, occurred_at, NULL, 0, 0, 0, 0, lines_added, lines_removed, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM activities
        WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
            AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
                AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
                AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (NOT %(from_totals)s OR session_id IS NULL)
            AND NOT %(with_models)s
        UNION ALL
        SELECT session_id, project_id, user_id, dated_at, NULL, 1, user_messages + assistant_messages, tool_calls, tool_errors, lines_added, lines_removed,
            input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, coalesce(cost_nano_usd, 0),
            cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
        FROM sessions
        WHERE (%(start)s::timestamptz IS NULL OR dated_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR dated_at < %(end)s)
            AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
                AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
                AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND counted AND %(from_totals)s
        UNION ALL
        SELECT session_id, project_id, user_id, dated_at, CASE WHEN %(with_models)s THEN model END, 1, 0, 0, 0,
            CASE WHEN lines_from_snapshot THEN lines_added ELSE 0 END, CASE WHEN lines_from_snapshot THEN lines_removed ELSE 0 END,
            CASE WHEN usage_from_snapshot THEN input_tokens ELSE 0 END, CASE WHEN usage_from_snapshot THEN output_tokens ELSE 0 END,
            CASE WHEN usage_from_snapshot THEN cache_creation_tokens ELSE 0 END, CASE WHEN usage_from_snapshot THEN cache_read_tokens ELSE 0 END,
            0, 0, CASE WHEN usage_from_snapshot THEN coalesce(cost_nano_usd, 0) ELSE 0 END, 0, 0, 0
        FROM sessions
        WHERE (%(start)s::timestamptz IS NULL OR dated_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR dated_at < %(end)s)
            AND (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
                AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
                AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND counted AND NOT %(from_totals)s AND (usage_from_snapshot OR NOT %(with_models)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        UNION ALL
        SELECT '', project_id, user_id, bucket_start, NULL, sessions, user_messages + assistant_messages, tool_calls, tool_errors, lines_added, lines_removed,
            input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd,
            cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
        FROM base_activity_rollups
        WHERE (%(start)s::timestamptz IS NULL OR bucket_start >= %(start)s) AND (%(end)s::timestamptz IS NULL OR bucket_start < %(end)s)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND %(session_id)s::text IS NULL AND %(branch)s::text IS NULL AND %(machine)s::text IS NULL
            AND NOT %(with_models)s
        UNION ALL
        SELECT '', project_id, user_id, bucket_start, model, 0, 0, 0, 0, 0, 0, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens,
            api_calls, unpriced_calls, cost_nano_usd, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
        FROM base_usage_rollups
        WHERE (%(start)s::timestamptz IS NULL OR bucket_start >= %(start)s) AND (%(end)s::timestamptz IS NULL OR bucket_start < %(end)s)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND %(session_id)s::text IS NULL AND %(branch)s::text IS NULL AND %(machine)s::text IS NULL
            AND %(with_models)s AND (%(model)s::text IS NULL OR model = %(model)s)
    ) AS rows_apart
    GROUP BY 1, 2, 3, 4, 5
) AS e
LEFT JOIN sessions AS s ON s.session_id = e.session_id
LEFT JOIN session_machines AS k ON %(by_machine)s AND k.session_id = e.session_id
    AND (%(machine)s::text IS NULL OR k.machine_id = %(machine)s OR k.machine_id IN (SELECT machine_id FROM machines WHERE name = %(machine)s))
LEFT JOIN whole_projects AS w ON (%(by_group)s OR %(by_repository)s) AND w.id = e.project_id
WHERE NOT %(by_interval)s OR e.i >= 0
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
LIMIT %(most)s

-- name: active_by_session
SELECT i, project_id, CASE WHEN %(by_user)s THEN user_id END AS user_id, session_id, branch, machine_id, "group", repository, is_kept,
    sum(active_us)::float8 AS active_us, sum(continued)::bigint AS continued
FROM (
    SELECT CASE WHEN %(by_interval)s THEN g.number - 1 END AS i, CASE WHEN %(by_project)s THEN s.project_id END AS project_id, s.user_id,
        CASE WHEN %(by_session)s THEN nullif(s.session_id, '') END AS session_id, CASE WHEN %(by_branch)s THEN s.git_branch END AS branch,
        CASE WHEN %(by_machine)s THEN k.machine_id END AS machine_id, CASE WHEN %(by_kept)s THEN s.session_id <> '' END AS is_kept,
        CASE WHEN %(by_group)s THEN w.group_name END AS "group", CASE WHEN %(by_repository)s THEN w.repository END AS repository,
        measure_us(range_agg(without_gap(s.active_ranges, gap.length) * tstzmultirange(tstzrange(to_timestamp(g.start), to_timestamp(g.until))))) AS active_us,
        count(*) FILTER (WHERE s.dated_at < to_timestamp(g.start) AND EXISTS (
            SELECT FROM unnest(s.active_ranges) AS r WHERE lower(r) < to_timestamp(g.until) AND upper(r) - gap.length >= to_timestamp(g.start)
        )) AS continued
    FROM (
        SELECT session_id, project_id, user_id, git_branch, dated_at, first_event_at, last_event_at, active_ranges FROM sessions WHERE counted
        UNION ALL
        SELECT '', project_id, user_id, NULL, dated_at, least(dated_at, lower(active_ranges)), last_event_at, active_ranges FROM base_sessions
        WHERE %(session_id)s::text IS NULL AND %(branch)s::text IS NULL AND %(machine)s::text IS NULL
    ) AS s
    CROSS JOIN (
        SELECT make_interval(secs => coalesce(
            (SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), %(idle_gap_seconds)s::integer)) AS length
    ) AS gap
    JOIN unnest(%(starts)s::float8[], %(ends)s::float8[]) WITH ORDINALITY AS g (start, until, number)
        ON s.first_event_at < to_timestamp(g.until) AND s.last_event_at >= to_timestamp(g.start)
    LEFT JOIN session_machines AS k ON %(by_machine)s AND k.session_id = s.session_id
        AND (%(machine)s::text IS NULL OR k.machine_id = %(machine)s OR k.machine_id IN (SELECT machine_id FROM machines WHERE name = %(machine)s))
    LEFT JOIN whole_projects AS w ON (%(by_group)s OR %(by_repository)s) AND w.id = s.project_id
    WHERE (%(project_id)s = -1 OR s.project_id = %(project_id)s) AND (%(user_id)s = -1 OR s.user_id = %(user_id)s)
        AND (%(session_id)s::text IS NULL OR s.session_id = %(session_id)s)
        AND (%(branch)s::text IS NULL OR s.git_branch = %(branch)s)
        AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) AS e
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9

-- name: session_bounds
SELECT date_part('epoch', dated_at) AS first, date_part('epoch', greatest(last_event_at, dated_at)) AS last
FROM sessions WHERE session_id = %(session_id)s AND counted AND dated_at > '-infinity'

-- name: session_names
SELECT s.session_id AS id, coalesce(mark.title, s.title) AS name
FROM sessions s LEFT JOIN session_marks mark ON mark.session_id = s.session_id
WHERE s.session_id = ANY (%(ids)s::text[])

-- name: machine_names
SELECT machine_id AS id, name FROM machines WHERE machine_id = ANY (%(ids)s::text[])

-- name: project_names
SELECT id, name FROM projects WHERE id = ANY (%(ids)s::bigint[])

-- name: user_names
SELECT id, name FROM users WHERE id = ANY (%(ids)s::bigint[])

-- name: price_versions
WITH RECURSIVE versions (version) AS (
    SELECT min(price_version) FROM api_calls WHERE price_version IS NOT NULL
    UNION ALL
    SELECT (SELECT min(price_version) FROM api_calls WHERE price_version > version) FROM versions WHERE version IS NOT NULL
)
SELECT version FROM versions WHERE version IS NOT NULL ORDER BY version
