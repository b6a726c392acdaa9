-- name: calls
SELECT coalesce(sum(r.tool_calls), 0)::bigint AS calls
FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT tool_calls FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = CASE WHEN bound_users() IS NULL THEN -1 ELSE %(user_id)s END AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
    OFFSET 0
) AS r

-- name: exact_percentiles_by_interval
SELECT i, p[1] AS p50_ms, p[2] AS p95_ms, p[3] AS p99_ms, calls
FROM (
    SELECT width_bucket(date_part('epoch', occurred_at), %(edges)s::float8[]) - 1 AS i,
        percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS p, count(*) AS calls
    FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT occurred_at, duration_ms FROM tool_calls
        WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
            AND duration_ms IS NOT NULL AND (%(include_estimated)s OR duration_source = 'reported')
        OFFSET 0
    ) AS r
    GROUP BY i
) AS d

-- name: histograms_by_interval
SELECT width_bucket(date_part('epoch', bucket_start), %(edges)s::float8[]) - 1 AS i,
    CASE WHEN %(include_estimated)s THEN sum(times) ELSE sum(measured_times) END::text AS times,
    CASE WHEN %(include_estimated)s THEN sum(timed_calls) ELSE sum(measured_calls) END::bigint AS timed_calls,
    CASE WHEN %(include_estimated)s THEN max(max_ms) ELSE max(max_measured_ms) END AS max_ms
FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT * FROM tool_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
    OFFSET 0
) AS r
GROUP BY i

-- name: histograms_by_day
SELECT CASE WHEN %(include_estimated)s THEN times ELSE measured_times END::text AS times
FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT * FROM tool_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
    OFFSET 0
) AS r
WHERE CASE WHEN %(include_estimated)s THEN timed_calls ELSE measured_calls END < 99999999

-- name: latency_buckets_by_slice
SELECT g.i - 1 AS i, latency_bucket(r.duration_ms) AS latency_bucket, count(*) AS calls, max(r.duration_ms) AS max_ms
FROM unnest(%(starts)s::float8[], %(ends)s::float8[]) WITH ORDINALITY AS g (start, until, i)
CROSS JOIN LATERAL (
    SELECT duration_ms FROM tool_calls
    WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
        AND duration_ms IS NOT NULL AND (%(include_estimated)s OR duration_source = 'reported')
    OFFSET 0
) AS r
GROUP BY g.i, latency_bucket
