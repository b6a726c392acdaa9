-- Times of tools and their calls over time: measured durations, with include_estimated all. grains, starts, ends and fine_…: the segments of the range, as in stats.sql.

-- name: histograms
-- By tool, its calls by time as a vector: a counter of 8 digits for each bucket of latency_bucket().
SELECT tool_name,
    CASE WHEN %(include_estimated)s THEN sum(times) ELSE sum(measured_times) END::text AS times,
    CASE WHEN %(include_estimated)s THEN sum(timed_calls) ELSE sum(measured_calls) END::bigint AS timed_calls
{cells_of_tools}
GROUP BY tool_name

-- name: latency_buckets
-- The same from the calls themselves, of hours and quarters.
SELECT tool_name, latency_bucket(duration_ms) AS latency_bucket, count(*) AS calls
FROM {fine_segments}
CROSS JOIN LATERAL (
    SELECT tool_name, duration_ms FROM tool_calls
    WHERE {calls_in_segment}
        AND duration_ms IS NOT NULL AND (%(include_estimated)s OR duration_source = 'reported')
    OFFSET 0
) AS r
GROUP BY tool_name, latency_bucket

-- name: exact_percentiles
SELECT tool_name, p[1] AS p50_ms, p[2] AS p95_ms, p[3] AS p99_ms
FROM (
    SELECT tool_name, percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS p
    FROM {fine_segments}
    CROSS JOIN LATERAL (
        SELECT tool_name, duration_ms FROM tool_calls
        WHERE {calls_in_segment}
            AND (%(include_estimated)s OR duration_source = 'reported')
        OFFSET 0
    ) AS r
    WHERE duration_ms IS NOT NULL
    GROUP BY tool_name
) AS d

-- name: weeks_of_tool
-- Calls and errors of one tool by quarter of an hour, as vectors with counters of 8 digits, a row for each week.
SELECT date_part('epoch', bucket_start) AS week, calls_by_quarter::text AS calls, errors_by_quarter::text AS errors, calls AS calls_in_all
FROM tool_rollups
WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 10080 AND tool_name = %(tool_name)s AND calls_by_quarter <> 0
    AND bucket_start > to_timestamp(%(start)s) - interval '7 days' AND bucket_start < to_timestamp(%(end)s)

-- name: calls_of_tool
-- The same by interval from the calls themselves, of a week with more calls than its vectors can hold.
SELECT width_bucket(date_part('epoch', occurred_at), %(edges)s::float8[]) - 1 AS i, count(*) AS calls,
    count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors
FROM tool_calls
WHERE tool_name = %(tool_name)s AND occurred_at >= to_timestamp(%(start)s) AND occurred_at < to_timestamp(%(end)s)
    AND {of_selection}
GROUP BY i
