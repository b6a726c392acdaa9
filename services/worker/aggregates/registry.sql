-- name: active_cells
-- A person's active time is a union over their sessions, and not a sum over projects: it comes from active_days, for each project and for all.
SELECT d.project_id, k.user_id, g.grain_minutes, bucket_of(d.bucket_start, g.grain_minutes) AS bucket_start, active_us,
       CASE g.grain_minutes WHEN 10080 THEN placed(active_us, quarter_of_week(d.bucket_start), 16) END AS active_by_quarter
FROM active_deltas AS d, (VALUES (0), (15), (60), (1440), (10080)) AS g (grain_minutes),
     LATERAL (VALUES (d.user_id), (-1)) AS k (user_id)

-- name: file_cells
SELECT k.project_id, -1::bigint AS user_id, d.grain_minutes, d.bucket_start, files_modified
FROM file_count_deltas AS d, LATERAL (VALUES (d.project_id), (-1)) AS k (project_id)
WHERE d.project_id <> -1

-- name: summed_tool_calls
-- By quarter of an hour and bucket of latency.
SELECT $owners, bucket_of(occurred_at, 15) AS bucket_start, tool_name, latency_bucket(duration_ms) AS latency_bucket,
       count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
       count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
       count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0)::bigint AS duration_ms,
       max(duration_ms) AS max_ms, max(occurred_at) AS last_used_at,
       count(duration_ms) FILTER (WHERE duration_source = 'reported') AS measured_calls,
       coalesce(sum(duration_ms) FILTER (WHERE duration_source = 'reported'), 0)::bigint AS measured_ms,
       max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
       count(wait_ms) AS waited_calls, coalesce(sum(wait_ms), 0)::bigint AS waited_ms
FROM $rows GROUP BY $owners, bucket_of(occurred_at, 15), tool_name, latency_bucket(duration_ms)
