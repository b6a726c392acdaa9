-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
    measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at, times, measured_times,
    calls_by_quarter, errors_by_quarter
    FROM (
        SELECT * FROM tool_rollups
    ) AS cells
    WHERE (calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, times,
    measured_times, calls_by_quarter, errors_by_quarter)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
),
expected AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
    measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at, times, measured_times,
    calls_by_quarter, errors_by_quarter
    FROM (
        WITH new_tool_calls AS NOT MATERIALIZED (
            SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
            FROM tool_calls
        ),
        new_base_tool_rollups AS NOT MATERIALIZED (
            SELECT *
            FROM base_tool_rollups
        ),
        tool_rollups_deltas AS (
            SELECT project_id, user_id, bucket_start, tool_name,
                   sum(calls)::bigint AS calls, sum(success)::bigint AS success, sum(errors)::bigint AS errors,
                   sum(rejected)::bigint AS rejected, sum(timed_calls)::bigint AS timed_calls, sum(duration_ms)::bigint AS duration_ms,
                   sum(measured_calls)::bigint AS measured_calls, sum(measured_ms)::bigint AS measured_ms,
                   sum(waited_calls)::bigint AS waited_calls, sum(waited_ms)::bigint AS waited_ms, max(max_ms) AS max_ms,
                   max(max_measured_ms) AS max_measured_ms, max(last_used_at) AS last_used_at, coalesce(sum(times), 0) AS times,
                   coalesce(sum(measured_times), 0) AS measured_times, coalesce(sum(calls_by_quarter), 0) AS calls_by_quarter,
                   coalesce(sum(errors_by_quarter), 0) AS errors_by_quarter
            FROM (
                SELECT
                    project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, tool_name, calls, success, errors, rejected,
                    timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at,
                    placed(timed_calls, latency_bucket + 1, 8) AS times, placed(measured_calls, latency_bucket + 1, 8) AS measured_times,
                    placed(calls, quarter_of_week(bucket_start), 8) AS calls_by_quarter,
                    placed(errors, quarter_of_week(bucket_start), 8) AS errors_by_quarter
                FROM (
                    SELECT project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, tool_name, latency_bucket(duration_ms) AS latency_bucket,
                           count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
                           count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
                           count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0)::bigint AS duration_ms,
                           max(duration_ms) AS max_ms, max(occurred_at) AS last_used_at,
                           count(duration_ms) FILTER (WHERE duration_source = 'reported') AS measured_calls,
                           coalesce(sum(duration_ms) FILTER (WHERE duration_source = 'reported'), 0)::bigint AS measured_ms,
                           max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
                           count(wait_ms) AS waited_calls, coalesce(sum(wait_ms), 0)::bigint AS waited_ms
                    FROM new_tool_calls GROUP BY project_id, user_id, bucket_of(occurred_at, 15), tool_name, latency_bucket(duration_ms)
                ) AS summed
                UNION ALL
                SELECT
                    project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, tool_name, calls, success, errors, rejected,
                    timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at,
                    times, measured_times, calls_by_quarter, errors_by_quarter
                FROM new_base_tool_rollups
            ) AS contributions
            GROUP BY 1, 2, 3, 4
        )
        SELECT project_id, user_id, grain_minutes, bucket_start, tool_name,
               sum(calls)::bigint AS calls, sum(success)::bigint AS success, sum(errors)::bigint AS errors,
               sum(rejected)::bigint AS rejected, sum(timed_calls)::bigint AS timed_calls, sum(duration_ms)::bigint AS duration_ms,
               sum(measured_calls)::bigint AS measured_calls, sum(measured_ms)::bigint AS measured_ms,
               sum(waited_calls)::bigint AS waited_calls, sum(waited_ms)::bigint AS waited_ms, max(max_ms) AS max_ms,
               max(max_measured_ms) AS max_measured_ms, max(last_used_at) AS last_used_at, coalesce(sum(times), 0) AS times,
               coalesce(sum(measured_times), 0) AS measured_times, coalesce(sum(calls_by_quarter), 0) AS calls_by_quarter,
               coalesce(sum(errors_by_quarter), 0) AS errors_by_quarter
        FROM (
            SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, tool_name,
                   calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms,
                   max_measured_ms, last_used_at, times, measured_times,
                   CASE k.grain_minutes WHEN 10080 THEN calls_by_quarter END AS calls_by_quarter,
                   CASE k.grain_minutes WHEN 10080 THEN errors_by_quarter END AS errors_by_quarter
            FROM tool_rollups_deltas AS d,
                 LATERAL (VALUES
                     (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 1440), (d.project_id, d.user_id, 10080),
                     (d.project_id, -1, 0), (d.project_id, -1, 1440), (d.project_id, -1, 10080),
                     (-1, d.user_id, 0), (-1, d.user_id, 1440), (-1, d.user_id, 10080),
                     (-1, -1, 0), (-1, -1, 1440), (-1, -1, 10080)
                 ) AS k (project_id, user_id, grain_minutes)
        ) AS cells
        GROUP BY 1, 2, 3, 4, 5
    ) AS cells
    WHERE (calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, times,
    measured_times, calls_by_quarter, errors_by_quarter)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
