-- Times of tool calls by interval of a series: measured durations, with include_estimated all. grains, starts, ends: segments, as in stats.sql.

-- name: calls
-- How many calls there are in the segments, of all tools and of all users whom the key sees.
SELECT coalesce(sum(r.tool_calls), 0)::bigint AS calls
FROM {segments}
CROSS JOIN LATERAL (
    SELECT tool_calls FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = CASE WHEN bound_users() IS NULL THEN -1 ELSE %(user_id)s END AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
    OFFSET 0
) AS r

-- name: exact_percentiles_by_interval
-- i: the number of the interval. `edges` are the starts of the intervals; the grains of the segments do not matter.
SELECT i, p[1] AS p50_ms, p[2] AS p95_ms, p[3] AS p99_ms, calls
FROM (
    SELECT width_bucket(date_part('epoch', occurred_at), %(edges)s::float8[]) - 1 AS i,
        percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS p, count(*) AS calls
    FROM {segments}
    CROSS JOIN LATERAL (
        SELECT occurred_at, duration_ms FROM tool_calls
        WHERE {calls_in_segment}
            AND duration_ms IS NOT NULL AND (%(include_estimated)s OR duration_source = 'reported')
        OFFSET 0
    ) AS r
    GROUP BY i
) AS d

-- name: histograms_by_interval
-- Each interval's calls by time as a vector, as in tool_stats.sql. `edges` are the UTC midnights with which the intervals' days begin.
SELECT width_bucket(date_part('epoch', bucket_start), %(edges)s::float8[]) - 1 AS i,
    CASE WHEN %(include_estimated)s THEN sum(times) ELSE sum(measured_times) END::text AS times,
    CASE WHEN %(include_estimated)s THEN sum(timed_calls) ELSE sum(measured_calls) END::bigint AS timed_calls,
    CASE WHEN %(include_estimated)s THEN max(max_ms) ELSE max(max_measured_ms) END AS max_ms
{cells_of_tools}
GROUP BY i

-- name: histograms_by_day
-- The vectors day by day, where their sum would be more than a vector can hold. A day that has too many itself is left out.
SELECT CASE WHEN %(include_estimated)s THEN times ELSE measured_times END::text AS times
{cells_of_tools}
WHERE CASE WHEN %(include_estimated)s THEN timed_calls ELSE measured_calls END < 99999999

-- name: latency_buckets_by_slice
-- From the calls themselves, between midnights of UTC and ends of intervals. i: the place of the segment.
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
