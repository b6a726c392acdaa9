-- Composed by services.worker.maintenance.rebuild. Do not edit: `make render-sql` writes this file.

INSERT INTO active_days (
    project_id, user_id, day, ranges)
SELECT
    project_id, user_id, day, ranges
FROM (
    SELECT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day, range_agg(c.piece) AS ranges
    FROM (
        SELECT project_id, user_id, active_ranges FROM sessions WHERE counted
        UNION ALL
        SELECT project_id, user_id, active_ranges FROM base_sessions
    ) AS s, cut_at_buckets(without_gap(s.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
    GROUP BY 1, 2, 3
) AS cells;

INSERT INTO session_quarters (
    session_id, project_id, user_id, bucket_start, counted_rows, user_messages, assistant_messages, tool_calls, tool_errors,
    lines_added, lines_removed, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls,
    unpriced_calls, cache_priced_calls, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd)
SELECT
    session_id, project_id, user_id, bucket_start, counted_rows, user_messages, assistant_messages, tool_calls, tool_errors,
    lines_added, lines_removed, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls,
    unpriced_calls, cache_priced_calls, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
FROM (
    SELECT session_id, bucket_start, project_id, user_id, count(*) AS counted_rows,
           sum(user_messages) AS user_messages, sum(assistant_messages) AS assistant_messages, sum(tool_calls) AS tool_calls,
           sum(tool_errors) AS tool_errors, sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed,
           sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
           sum(cache_creation_tokens) AS cache_creation_tokens, sum(cache_read_tokens) AS cache_read_tokens,
           sum(cost_nano_usd) AS cost_nano_usd, sum(api_calls) AS api_calls, sum(unpriced_calls) AS unpriced_calls,
           sum(cache_priced_calls) AS cache_priced_calls, sum(uncached_nano_usd) AS uncached_nano_usd,
           sum(cache_saved_nano_usd) AS cache_saved_nano_usd
    FROM (
        SELECT coalesce(session_id, '') AS session_id, bucket_of(occurred_at, 15) AS bucket_start, project_id, user_id,
               (role = 'user')::int AS user_messages, (role = 'assistant')::int AS assistant_messages, 0 AS tool_calls,
               0 AS tool_errors, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM messages
        UNION ALL
        SELECT coalesce(session_id, '') AS session_id, bucket_of(occurred_at, 15) AS bucket_start, project_id, user_id,
               0 AS user_messages, 0 AS assistant_messages, 1 AS tool_calls, (status IN ('error', 'timeout'))::int AS tool_errors,
               0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens,
               0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cache_priced_calls,
               0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM tool_calls
        UNION ALL
        SELECT coalesce(session_id, '') AS session_id, bucket_of(occurred_at, 15) AS bucket_start, project_id, user_id,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, lines_added AS lines_added,
               lines_removed AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens,
               0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cache_priced_calls,
               0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
        FROM activities
        UNION ALL
        SELECT coalesce(session_id, '') AS session_id, bucket_of(occurred_at, 15) AS bucket_start, project_id, user_id,
               0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS lines_added, 0 AS lines_removed,
               input_tokens AS input_tokens, output_tokens AS output_tokens,
               cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens AS cache_read_tokens,
               coalesce(cost_nano_usd, 0) AS cost_nano_usd, 1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls,
               (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
               coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
        FROM api_calls
    ) AS rows
    GROUP BY 1, 2, 3, 4
) AS cells;

INSERT INTO file_rollups (
    project_id, grain_minutes, bucket_start, file_key, touches, lines_added, lines_removed)
SELECT
    project_id, grain_minutes, bucket_start, file_key, touches, lines_added, lines_removed
FROM (
    WITH new_activities AS NOT MATERIALIZED (
        SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
        FROM activities
    ),
    new_base_file_rollups AS NOT MATERIALIZED (
        SELECT *
        FROM base_file_rollups
    ),
    file_rollups_deltas AS (
        SELECT project_id, bucket_start, file_key,
               sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
        FROM (
            SELECT
                project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key, 1 AS touches, lines_added, lines_removed
            FROM new_activities
            UNION ALL
            SELECT
                project_id, bucket_of(bucket_start, 15) AS bucket_start, file_key, touches, lines_added, lines_removed
            FROM new_base_file_rollups
        ) AS contributions
        GROUP BY 1, 2, 3
    )
    SELECT project_id, grain_minutes, bucket_start, file_key,
           sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
    FROM (
        SELECT k.project_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, file_key,
               touches, lines_added, lines_removed
        FROM file_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, 0), (d.project_id, 15), (d.project_id, 60), (d.project_id, 1440), (d.project_id, 10080),
                 (-1, 1440), (-1, 10080)
             ) AS k (project_id, grain_minutes)
    ) AS cells
    GROUP BY 1, 2, 3, 4
) AS cells;

INSERT INTO tool_rollups (
    project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
    measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at, times, measured_times,
    calls_by_quarter, errors_by_quarter)
SELECT
    project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
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
) AS cells;

INSERT INTO error_rollups (
    project_id, user_id, grain_minutes, bucket_start, tool_name, error_class, calls)
SELECT
    project_id, user_id, grain_minutes, bucket_start, tool_name, error_class, calls
FROM (
    WITH new_tool_calls AS NOT MATERIALIZED (
        SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
        FROM tool_calls
    ),
    new_base_error_rollups AS NOT MATERIALIZED (
        SELECT *
        FROM base_error_rollups
    ),
    error_rollups_deltas AS (
        SELECT project_id, user_id, bucket_start, tool_name, error_class,
               sum(calls)::bigint AS calls
        FROM (
            SELECT
                project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, tool_name, coalesce(error_class, '') AS error_class,
                1 AS calls
            FROM new_tool_calls
            WHERE status NOT IN ('success', 'pending')
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, tool_name, error_class, calls
            FROM new_base_error_rollups
        ) AS contributions
        GROUP BY 1, 2, 3, 4, 5
    )
    SELECT project_id, user_id, grain_minutes, bucket_start, tool_name, error_class,
           sum(calls)::bigint AS calls
    FROM (
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, tool_name, error_class,
               calls
        FROM error_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 1440), (d.project_id, d.user_id, 10080),
                 (d.project_id, -1, 0), (d.project_id, -1, 1440), (d.project_id, -1, 10080),
                 (-1, d.user_id, 0), (-1, d.user_id, 1440), (-1, d.user_id, 10080),
                 (-1, -1, 0), (-1, -1, 1440), (-1, -1, 10080)
             ) AS k (project_id, user_id, grain_minutes)
    ) AS cells
    GROUP BY 1, 2, 3, 4, 5, 6
) AS cells;

INSERT INTO usage_rollups (
    project_id, user_id, grain_minutes, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
SELECT
    project_id, user_id, grain_minutes, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
FROM (
    WITH new_api_calls AS NOT MATERIALIZED (
        SELECT session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
        FROM api_calls
    ),
    new_sessions AS NOT MATERIALIZED (
        SELECT *
        FROM sessions
    ),
    new_base_usage_rollups AS NOT MATERIALIZED (
        SELECT *
        FROM base_usage_rollups
    ),
    usage_rollups_deltas AS (
        SELECT project_id, user_id, bucket_start, model,
               sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
               sum(cache_creation_tokens)::bigint AS cache_creation_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
               sum(cost_nano_usd)::numeric AS cost_nano_usd, sum(api_calls)::bigint AS api_calls,
               sum(unpriced_calls)::bigint AS unpriced_calls, sum(cache_priced_calls)::bigint AS cache_priced_calls,
               sum(uncached_nano_usd)::numeric AS uncached_nano_usd, sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd
        FROM (
            SELECT
                project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, coalesce(model, '') AS model, input_tokens,
                output_tokens, cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
                coalesce(cost_nano_usd, 0) AS cost_nano_usd, 1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls,
                (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
                coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
            FROM new_api_calls
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(dated_at, 1440) AS bucket_start, coalesce(model, '') AS model, input_tokens,
                output_tokens, cache_creation_tokens, cache_read_tokens, coalesce(cost_nano_usd, 0) AS cost_nano_usd, 0 AS api_calls,
                0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
            FROM new_sessions
            WHERE counted AND usage_from_snapshot
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, model, input_tokens, output_tokens,
                cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls,
                uncached_nano_usd, cache_saved_nano_usd
            FROM new_base_usage_rollups
        ) AS contributions
        GROUP BY 1, 2, 3, 4
    )
    SELECT project_id, user_id, grain_minutes, bucket_start, model,
           sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
           sum(cache_creation_tokens)::bigint AS cache_creation_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
           sum(cost_nano_usd)::numeric AS cost_nano_usd, sum(api_calls)::bigint AS api_calls,
           sum(unpriced_calls)::bigint AS unpriced_calls, sum(cache_priced_calls)::bigint AS cache_priced_calls,
           sum(uncached_nano_usd)::numeric AS uncached_nano_usd, sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd
    FROM (
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, model,
               input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls,
               cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
        FROM usage_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 1440),
                 (-1, -1, 0), (-1, -1, 1440)
             ) AS k (project_id, user_id, grain_minutes)
    ) AS cells
    GROUP BY 1, 2, 3, 4, 5
) AS cells;

INSERT INTO activity_rollups (
    project_id, user_id, grain_minutes, bucket_start, sessions, wall_us, active_us, user_messages, assistant_messages,
    files_modified, lines_added, lines_removed, tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd,
    active_by_quarter)
SELECT
    project_id, user_id, grain_minutes, bucket_start, sessions, wall_us, active_us, user_messages, assistant_messages,
    files_modified, lines_added, lines_removed, tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd,
    active_by_quarter
FROM (
    WITH new_activities AS NOT MATERIALIZED (
        SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
        FROM activities
    ),
    new_messages AS NOT MATERIALIZED (
        SELECT session_id, project_id, user_id, occurred_at, role
        FROM messages
    ),
    new_tool_calls AS NOT MATERIALIZED (
        SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
        FROM tool_calls
    ),
    new_api_calls AS NOT MATERIALIZED (
        SELECT session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
        FROM api_calls
    ),
    new_sessions AS NOT MATERIALIZED (
        SELECT *
        FROM sessions
    ),
    new_base_file_rollups AS NOT MATERIALIZED (
        SELECT *
        FROM base_file_rollups
    ),
    new_base_activity_rollups AS NOT MATERIALIZED (
        SELECT *
        FROM base_activity_rollups
    ),
    active_deltas AS (
        SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
        FROM active_days, cut_at_buckets(ranges, 15) AS c GROUP BY 1, 2, 3
    ),
    file_rollups_deltas AS (
        SELECT project_id, bucket_start, file_key,
               sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
        FROM (
            SELECT
                project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key, 1 AS touches, lines_added, lines_removed
            FROM new_activities
            UNION ALL
            SELECT
                project_id, bucket_of(bucket_start, 15) AS bucket_start, file_key, touches, lines_added, lines_removed
            FROM new_base_file_rollups
        ) AS contributions
        GROUP BY 1, 2, 3
    ),
    file_count_deltas AS (
        SELECT project_id, grain_minutes, bucket_start, count(*) AS files_modified
        FROM (
            SELECT project_id, grain_minutes, bucket_start, file_key,
                   sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
            FROM (
                SELECT k.project_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, file_key,
                       touches, lines_added, lines_removed
                FROM file_rollups_deltas AS d,
                     LATERAL (VALUES
                         (d.project_id, 0), (d.project_id, 15), (d.project_id, 60), (d.project_id, 1440), (d.project_id, 10080),
                         (-1, 1440), (-1, 10080)
                     ) AS k (project_id, grain_minutes)
            ) AS cells
            GROUP BY 1, 2, 3, 4
        ) AS cells
        WHERE touches > 0 AND project_id <> -1 GROUP BY 1, 2, 3
    ),
    activity_rollups_deltas AS (
        SELECT project_id, user_id, bucket_start,
               sum(sessions)::bigint AS sessions, sum(wall_us)::numeric AS wall_us, sum(user_messages)::bigint AS user_messages,
               sum(assistant_messages)::bigint AS assistant_messages, sum(lines_added)::bigint AS lines_added,
               sum(lines_removed)::bigint AS lines_removed, sum(tool_calls)::bigint AS tool_calls,
               sum(tool_errors)::bigint AS tool_errors, sum(input_tokens)::bigint AS input_tokens,
               sum(output_tokens)::bigint AS output_tokens, sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
               sum(cache_read_tokens)::bigint AS cache_read_tokens, sum(cost_nano_usd)::numeric AS cost_nano_usd,
               sum(api_calls)::bigint AS api_calls, sum(unpriced_calls)::bigint AS unpriced_calls,
               sum(cache_priced_calls)::bigint AS cache_priced_calls, sum(uncached_nano_usd)::numeric AS uncached_nano_usd,
               sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd
        FROM (
            SELECT
                project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us,
                (role = 'user')::int AS user_messages, (role = 'assistant')::int AS assistant_messages, 0 AS lines_added,
                0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens,
                0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cache_priced_calls,
                0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
            FROM new_messages
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
                0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, 1 AS tool_calls,
                (status IN ('error', 'timeout'))::int AS tool_errors, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens,
                0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cache_priced_calls,
                0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
            FROM new_tool_calls
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
                0 AS assistant_messages, lines_added, lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens,
                0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls,
                0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
            FROM new_activities
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
                0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, input_tokens,
                output_tokens, cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
                coalesce(cost_nano_usd, 0) AS cost_nano_usd, 1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls,
                (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
                coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
            FROM new_api_calls
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(dated_at, 15) AS bucket_start, 1 AS sessions, wall_us, 0 AS user_messages,
                0 AS assistant_messages, CASE WHEN lines_from_snapshot THEN lines_added ELSE 0 END AS lines_added,
                CASE WHEN lines_from_snapshot THEN lines_removed ELSE 0 END AS lines_removed, 0 AS tool_calls, 0 AS tool_errors,
                CASE WHEN usage_from_snapshot THEN coalesce(input_tokens, 0) ELSE 0 END AS input_tokens,
                CASE WHEN usage_from_snapshot THEN coalesce(output_tokens, 0) ELSE 0 END AS output_tokens,
                CASE WHEN usage_from_snapshot THEN coalesce(cache_creation_tokens, 0) ELSE 0 END AS cache_creation_tokens,
                CASE WHEN usage_from_snapshot THEN coalesce(cache_read_tokens, 0) ELSE 0 END AS cache_read_tokens,
                CASE WHEN usage_from_snapshot THEN coalesce(cost_nano_usd, 0) ELSE 0 END AS cost_nano_usd, 0 AS api_calls,
                0 AS unpriced_calls, 0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
            FROM new_sessions
            WHERE counted
            UNION ALL
            SELECT
                project_id, user_id, bucket_of(bucket_start, 15) AS bucket_start, sessions, wall_us, user_messages, assistant_messages,
                lines_added, lines_removed, tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens,
                cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
            FROM new_base_activity_rollups
        ) AS contributions
        GROUP BY 1, 2, 3
    )
    SELECT project_id, user_id, grain_minutes, bucket_start,
           sum(sessions)::bigint AS sessions, sum(wall_us)::numeric AS wall_us, sum(active_us)::numeric AS active_us,
           sum(user_messages)::bigint AS user_messages, sum(assistant_messages)::bigint AS assistant_messages,
           sum(files_modified)::bigint AS files_modified, sum(lines_added)::bigint AS lines_added,
           sum(lines_removed)::bigint AS lines_removed, sum(tool_calls)::bigint AS tool_calls,
           sum(tool_errors)::bigint AS tool_errors, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
           sum(cache_read_tokens)::bigint AS cache_read_tokens, sum(cost_nano_usd)::numeric AS cost_nano_usd,
           sum(api_calls)::bigint AS api_calls, sum(unpriced_calls)::bigint AS unpriced_calls,
           sum(cache_priced_calls)::bigint AS cache_priced_calls, sum(uncached_nano_usd)::numeric AS uncached_nano_usd,
           sum(cache_saved_nano_usd)::numeric AS cache_saved_nano_usd, coalesce(sum(active_by_quarter), 0) AS active_by_quarter
    FROM (
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start,
               sessions, wall_us, 0 AS active_us, user_messages, assistant_messages, 0 AS files_modified, lines_added, lines_removed,
               tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls,
               unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd, NULL::numeric AS active_by_quarter
        FROM activity_rollups_deltas AS d,
             LATERAL (VALUES
                 (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 15), (d.project_id, d.user_id, 60),
                 (d.project_id, d.user_id, 1440), (d.project_id, d.user_id, 10080),
                 (d.project_id, -1, 0), (d.project_id, -1, 15), (d.project_id, -1, 60), (d.project_id, -1, 1440),
                 (d.project_id, -1, 10080),
                 (-1, d.user_id, 0), (-1, d.user_id, 15), (-1, d.user_id, 60), (-1, d.user_id, 1440), (-1, d.user_id, 10080),
                 (-1, -1, 0), (-1, -1, 15), (-1, -1, 60), (-1, -1, 1440), (-1, -1, 10080)
             ) AS k (project_id, user_id, grain_minutes)
        UNION ALL
        SELECT project_id, user_id, grain_minutes, bucket_start,
               0 AS sessions, 0 AS wall_us, active_us, 0 AS user_messages, 0 AS assistant_messages, 0 AS files_modified,
               0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd, active_by_quarter
        FROM (
            SELECT d.project_id, k.user_id, g.grain_minutes, bucket_of(d.bucket_start, g.grain_minutes) AS bucket_start, active_us,
                   CASE g.grain_minutes WHEN 10080 THEN placed(active_us, quarter_of_week(d.bucket_start), 16) END AS active_by_quarter
            FROM active_deltas AS d, (VALUES (0), (15), (60), (1440), (10080)) AS g (grain_minutes),
                 LATERAL (VALUES (d.user_id), (-1)) AS k (user_id)
        ) AS cells
        UNION ALL
        SELECT project_id, user_id, grain_minutes, bucket_start,
               0 AS sessions, 0 AS wall_us, 0 AS active_us, 0 AS user_messages, 0 AS assistant_messages, files_modified,
               0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens, 0 AS output_tokens,
               0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS cost_nano_usd, 0 AS api_calls, 0 AS unpriced_calls,
               0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd, NULL::numeric AS active_by_quarter
        FROM (
            SELECT k.project_id, -1::bigint AS user_id, d.grain_minutes, d.bucket_start, files_modified
            FROM file_count_deltas AS d, LATERAL (VALUES (d.project_id), (-1)) AS k (project_id)
            WHERE d.project_id <> -1
        ) AS cells
    ) AS cells
    GROUP BY 1, 2, 3, 4
) AS cells;

INSERT INTO file_sets (
    project_id, grain_minutes, bucket_start, chunk, bits)
SELECT
    project_id, grain_minutes, bucket_start, chunk, bits
FROM (
    SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk,
           bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
    FROM (
        WITH new_activities AS NOT MATERIALIZED (
            SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
            FROM activities
        ),
        new_base_file_rollups AS NOT MATERIALIZED (
            SELECT *
            FROM base_file_rollups
        ),
        file_rollups_deltas AS (
            SELECT project_id, bucket_start, file_key,
                   sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
            FROM (
                SELECT
                    project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key, 1 AS touches, lines_added, lines_removed
                FROM new_activities
                UNION ALL
                SELECT
                    project_id, bucket_of(bucket_start, 15) AS bucket_start, file_key, touches, lines_added, lines_removed
                FROM new_base_file_rollups
            ) AS contributions
            GROUP BY 1, 2, 3
        )
        SELECT project_id, grain_minutes, bucket_start, file_key,
               sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
        FROM (
            SELECT k.project_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, file_key,
                   touches, lines_added, lines_removed
            FROM file_rollups_deltas AS d,
                 LATERAL (VALUES
                     (d.project_id, 0), (d.project_id, 15), (d.project_id, 60), (d.project_id, 1440), (d.project_id, 10080),
                     (-1, 1440), (-1, 10080)
                 ) AS k (project_id, grain_minutes)
        ) AS cells
        GROUP BY 1, 2, 3, 4
    ) AS c JOIN files AS f USING (file_key)
    WHERE c.touches > 0 AND c.grain_minutes IN (1440, 10080)
    GROUP BY 1, 2, 3, 4
) AS cells;
