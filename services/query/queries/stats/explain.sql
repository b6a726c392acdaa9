-- The rows behind a number, by source. Each statement has the measures of its rows; a row that adds nothing is not counted.

-- name: messages
SELECT source, count(*) AS rows, count(*)::float8 AS value
FROM messages
WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
    AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
GROUP BY source

-- name: tool_calls
SELECT source, count(*) AS rows, count(*)::float8 AS value
FROM tool_calls
WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
    AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
    AND (%(measure)s::text <> 'tool_errors' OR status IN ('error', 'timeout'))
GROUP BY source

-- name: activities
SELECT e.source, count(*) AS rows, sum(e.value)::float8 AS value
FROM (
    SELECT source, CASE %(measure)s::text WHEN 'lines_added' THEN lines_added ELSE lines_removed END AS value
    FROM activities
    WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
) AS e WHERE e.value <> 0 GROUP BY e.source

-- name: api_calls
SELECT e.source, count(*) AS rows, sum(e.value)::float8 AS value
FROM (
    SELECT source, CASE %(measure)s::text
        WHEN 'input_tokens' THEN input_tokens
        WHEN 'output_tokens' THEN output_tokens
        WHEN 'cache_creation_tokens' THEN cache_write_5m_tokens + cache_write_1h_tokens
        WHEN 'cache_read_tokens' THEN cache_read_tokens
        WHEN 'total_tokens' THEN input_tokens + output_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_read_tokens
        WHEN 'api_calls' THEN 1
        WHEN 'unpriced_calls' THEN (cost_nano_usd IS NULL)::int
        WHEN 'cost_usd' THEN cost_nano_usd END AS value
    FROM api_calls
    WHERE (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
) AS e WHERE e.value <> 0 GROUP BY e.source

-- name: sessions
-- As rows of their own, or for the totals that stand in for rows that are not known.
SELECT e.source, count(*) AS rows, sum(e.value)::float8 AS value
FROM (
    SELECT source, CASE %(measure)s::text
        WHEN 'sessions' THEN 1
        WHEN 'lines_added' THEN CASE WHEN lines_from_snapshot THEN lines_added END
        WHEN 'lines_removed' THEN CASE WHEN lines_from_snapshot THEN lines_removed END
        WHEN 'input_tokens' THEN CASE WHEN usage_from_snapshot THEN input_tokens END
        WHEN 'output_tokens' THEN CASE WHEN usage_from_snapshot THEN output_tokens END
        WHEN 'cache_creation_tokens' THEN CASE WHEN usage_from_snapshot THEN cache_creation_tokens END
        WHEN 'cache_read_tokens' THEN CASE WHEN usage_from_snapshot THEN cache_read_tokens END
        WHEN 'total_tokens' THEN CASE WHEN usage_from_snapshot THEN input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens END
        WHEN 'cost_usd' THEN CASE WHEN usage_from_snapshot THEN cost_nano_usd END END AS value
    FROM sessions
    WHERE counted AND (%(start)s::timestamptz IS NULL OR dated_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR dated_at < %(end)s)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
) AS e WHERE e.value <> 0 GROUP BY e.source
