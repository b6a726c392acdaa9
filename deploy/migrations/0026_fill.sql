-- The cells of 0025 and 0026, from the tool calls that are stored. Their own transaction: reads go on meanwhile, and new events wait in the journal.
-- Calls that the old workers store after it are counted by `make rebuild` (docs/how-to/upgrade.md).

SET LOCAL statement_timeout = '1h';
-- Safe while running: it keeps out workers alone, whose events stay in the journal. A cell that is written meanwhile would be filled wrongly.
LOCK TABLE tool_rollups, error_rollups IN EXCLUSIVE MODE;

WITH calls AS (
    SELECT project_id, user_id, bucket_of(occurred_at, 1440) AS day, tool_name, latency_bucket(duration_ms) AS latency_bucket,
        count(*) AS measured_calls, sum(duration_ms)::bigint AS measured_ms, max(duration_ms) AS max_measured_ms
    FROM tool_calls WHERE duration_source = 'reported' AND duration_ms IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
), cells AS (
    SELECT k.project_id, k.user_id, g.grain_minutes, bucket_of(day, g.grain_minutes) AS bucket_start, tool_name,
        sum(measured_calls)::bigint AS measured_calls, sum(measured_ms)::bigint AS measured_ms, max(max_measured_ms) AS max_measured_ms,
        sum(placed(measured_calls, latency_bucket + 1, 8)) AS measured_times
    FROM calls AS c,
        LATERAL (VALUES (c.project_id, c.user_id), (c.project_id, -1), (-1, c.user_id), (-1, -1)) AS k (project_id, user_id),
        (VALUES (0), (1440), (10080)) AS g (grain_minutes)
    GROUP BY 1, 2, 3, 4, 5
)
UPDATE tool_rollups AS r
SET measured_calls = c.measured_calls, measured_ms = c.measured_ms, max_measured_ms = c.max_measured_ms, measured_times = c.measured_times
FROM cells AS c
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name)
    = (c.project_id, c.user_id, c.grain_minutes, c.bucket_start, c.tool_name);

INSERT INTO error_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class, calls)
SELECT k.project_id, k.user_id, g.grain_minutes, bucket_of(day, g.grain_minutes), tool_name, error_class, sum(calls)
FROM (
    SELECT project_id, user_id, bucket_of(occurred_at, 1440) AS day, tool_name, coalesce(error_class, '') AS error_class, count(*) AS calls
    FROM tool_calls WHERE status NOT IN ('success', 'pending')
    GROUP BY 1, 2, 3, 4, 5
) AS c,
    LATERAL (VALUES (c.project_id, c.user_id), (c.project_id, -1), (-1, c.user_id), (-1, -1)) AS k (project_id, user_id),
    (VALUES (0), (1440), (10080)) AS g (grain_minutes)
GROUP BY 1, 2, 3, 4, 5, 6
ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class) DO UPDATE SET calls = excluded.calls;
