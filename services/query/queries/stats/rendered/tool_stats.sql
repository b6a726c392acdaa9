-- name: histograms
SELECT tool_name,
    CASE WHEN %(include_estimated)s THEN sum(times) ELSE sum(measured_times) END::text AS times,
    CASE WHEN %(include_estimated)s THEN sum(timed_calls) ELSE sum(measured_calls) END::bigint AS timed_calls
FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT * FROM tool_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
    OFFSET 0
) AS r
GROUP BY tool_name

-- name: latency_buckets
SELECT tool_name, latency_bucket(duration_ms) AS latency_bucket, count(*) AS calls
FROM unnest(%(fine_grains)s::smallint[], %(fine_starts)s::float8[], %(fine_ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT tool_name, duration_ms FROM tool_calls
    WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
        AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
        AND duration_ms IS NOT NULL AND (%(include_estimated)s OR duration_source = 'reported')
    OFFSET 0
) AS r
GROUP BY tool_name, latency_bucket

-- name: exact_percentiles
SELECT tool_name, p[1] AS p50_ms, p[2] AS p95_ms, p[3] AS p99_ms
FROM (
    SELECT tool_name, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS p
    FROM unnest(%(fine_grains)s::smallint[], %(fine_starts)s::float8[], %(fine_ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT tool_name, duration_ms FROM tool_calls
        WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
            AND (%(include_estimated)s OR duration_source = 'reported')
        OFFSET 0
    ) AS r
    WHERE duration_ms IS NOT NULL
    GROUP BY tool_name
) AS d

-- name: weeks_of_tool
SELECT date_part('epoch', bucket_start) AS week, calls_by_quarter::text AS calls, errors_by_quarter::text AS errors, calls AS calls_in_all
FROM tool_rollups
WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 10080 AND tool_name = %(tool_name)s AND calls_by_quarter <> 0
    AND bucket_start > to_timestamp(%(start)s) - interval '7 days' AND bucket_start < to_timestamp(%(end)s)

-- name: calls_of_tool
SELECT width_bucket(date_part('epoch', occurred_at), %(edges)s::float8[]) - 1 AS i, count(*) AS calls,
    count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors
FROM tool_calls
WHERE tool_name = %(tool_name)s AND occurred_at >= to_timestamp(%(start)s) AND occurred_at < to_timestamp(%(end)s)
    AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
GROUP BY i
