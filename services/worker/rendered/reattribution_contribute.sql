-- Composed by services.worker.sessions.reattribution. Do not edit: `make render-sql` writes this file.

WITH new_messages AS (
    SELECT session_id, project_id, user_id, occurred_at, role
    FROM messages WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))
),
new_tool_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
    FROM tool_calls WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))
),
new_activities AS (
    SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
    FROM activities WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))
),
new_api_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
    FROM api_calls WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))
),
new_timeline_entries AS (
    SELECT session_id, project_id, user_id, occurred_at, kind
    FROM timeline_entries WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))
),
new_sessions AS (SELECT * FROM sessions WHERE session_id = ANY(%(session_ids)s)),
file_rollups_deltas AS (
    SELECT project_id, bucket_start, file_key,
           sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
    FROM (
        SELECT
            project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key, 1 AS touches, lines_added, lines_removed
        FROM new_activities
    ) AS contributions
    GROUP BY 1, 2, 3
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
    ) AS contributions
    GROUP BY 1, 2, 3, 4
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
    ) AS contributions
    GROUP BY 1, 2, 3, 4, 5
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
    ) AS contributions
    GROUP BY 1, 2, 3, 4
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
    ) AS contributions
    GROUP BY 1, 2, 3
),
rolled_file_rollups AS (
    INSERT INTO file_rollups (
        project_id, grain_minutes, bucket_start, file_key,
        touches, lines_added, lines_removed)
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
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, grain_minutes, bucket_start, file_key) DO UPDATE SET
        touches = file_rollups.touches + excluded.touches, lines_added = file_rollups.lines_added + excluded.lines_added,
        lines_removed = file_rollups.lines_removed + excluded.lines_removed
    RETURNING
        new.project_id, new.grain_minutes, new.bucket_start, new.file_key,
        (new.touches > 0)::int - (coalesce(old.touches, 0) > 0)::int AS files_modified,
        new.ctid AS place,
        (new.touches, new.lines_added, new.lines_removed)
          = (0, 0, 0) AS is_empty
),
file_count_deltas AS (
    SELECT project_id, grain_minutes, bucket_start, files_modified FROM rolled_file_rollups WHERE files_modified <> 0
),
rolled_file_sets AS (
    INSERT INTO file_sets (project_id, grain_minutes, bucket_start, chunk, bits)
    SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk,
           bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
    FROM rolled_file_rollups AS c JOIN files AS f USING (file_key)
    WHERE c.files_modified <> 0 AND c.grain_minutes IN (1440, 10080)
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, grain_minutes, bucket_start, chunk) DO UPDATE SET bits = file_sets.bits # excluded.bits
    RETURNING new.ctid AS place, bit_count(new.bits) = 0 AS is_empty
),
rolled_tool_rollups AS (
    INSERT INTO tool_rollups (
        project_id, user_id, grain_minutes, bucket_start, tool_name,
        calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms,
        max_measured_ms, last_used_at, times, measured_times, calls_by_quarter, errors_by_quarter)
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
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name) DO UPDATE SET
        calls = tool_rollups.calls + excluded.calls, success = tool_rollups.success + excluded.success,
        errors = tool_rollups.errors + excluded.errors, rejected = tool_rollups.rejected + excluded.rejected,
        timed_calls = tool_rollups.timed_calls + excluded.timed_calls,
        duration_ms = tool_rollups.duration_ms + excluded.duration_ms,
        measured_calls = tool_rollups.measured_calls + excluded.measured_calls,
        measured_ms = tool_rollups.measured_ms + excluded.measured_ms,
        waited_calls = tool_rollups.waited_calls + excluded.waited_calls,
        waited_ms = tool_rollups.waited_ms + excluded.waited_ms, max_ms = greatest(tool_rollups.max_ms, excluded.max_ms),
        max_measured_ms = greatest(tool_rollups.max_measured_ms, excluded.max_measured_ms),
        last_used_at = greatest(tool_rollups.last_used_at, excluded.last_used_at), times = tool_rollups.times + excluded.times,
        measured_times = tool_rollups.measured_times + excluded.measured_times,
        calls_by_quarter = tool_rollups.calls_by_quarter + excluded.calls_by_quarter,
        errors_by_quarter = tool_rollups.errors_by_quarter + excluded.errors_by_quarter
    RETURNING
        new.ctid AS place,
        (new.calls, new.success, new.errors, new.rejected, new.timed_calls, new.duration_ms, new.measured_calls, new.measured_ms,
        new.waited_calls, new.waited_ms, new.times, new.measured_times, new.calls_by_quarter, new.errors_by_quarter)
          = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) AS is_empty
),
rolled_error_rollups AS (
    INSERT INTO error_rollups (
        project_id, user_id, grain_minutes, bucket_start, tool_name, error_class,
        calls)
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
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class) DO UPDATE SET
        calls = error_rollups.calls + excluded.calls
    RETURNING
        new.ctid AS place,
        (new.calls)
          = (0) AS is_empty
),
rolled_usage_rollups AS (
    INSERT INTO usage_rollups (
        project_id, user_id, grain_minutes, bucket_start, model,
        input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls,
        cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
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
    ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, model) DO UPDATE SET
        input_tokens = usage_rollups.input_tokens + excluded.input_tokens,
        output_tokens = usage_rollups.output_tokens + excluded.output_tokens,
        cache_creation_tokens = usage_rollups.cache_creation_tokens + excluded.cache_creation_tokens,
        cache_read_tokens = usage_rollups.cache_read_tokens + excluded.cache_read_tokens,
        cost_nano_usd = usage_rollups.cost_nano_usd + excluded.cost_nano_usd,
        api_calls = usage_rollups.api_calls + excluded.api_calls,
        unpriced_calls = usage_rollups.unpriced_calls + excluded.unpriced_calls,
        cache_priced_calls = usage_rollups.cache_priced_calls + excluded.cache_priced_calls,
        uncached_nano_usd = usage_rollups.uncached_nano_usd + excluded.uncached_nano_usd,
        cache_saved_nano_usd = usage_rollups.cache_saved_nano_usd + excluded.cache_saved_nano_usd
    RETURNING
        new.ctid AS place,
        (new.input_tokens, new.output_tokens, new.cache_creation_tokens, new.cache_read_tokens, new.cost_nano_usd, new.api_calls,
        new.unpriced_calls, new.cache_priced_calls, new.uncached_nano_usd, new.cache_saved_nano_usd)
          = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0) AS is_empty
),
rolled_activity_rollups AS (
    INSERT INTO activity_rollups (
        project_id, user_id, grain_minutes, bucket_start,
        sessions, wall_us, active_us, user_messages, assistant_messages, files_modified, lines_added, lines_removed, tool_calls,
        tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls,
        unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd, active_by_quarter)
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
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, user_id, grain_minutes, bucket_start) DO UPDATE SET
        sessions = activity_rollups.sessions + excluded.sessions, wall_us = activity_rollups.wall_us + excluded.wall_us,
        active_us = activity_rollups.active_us + excluded.active_us,
        user_messages = activity_rollups.user_messages + excluded.user_messages,
        assistant_messages = activity_rollups.assistant_messages + excluded.assistant_messages,
        files_modified = activity_rollups.files_modified + excluded.files_modified,
        lines_added = activity_rollups.lines_added + excluded.lines_added,
        lines_removed = activity_rollups.lines_removed + excluded.lines_removed,
        tool_calls = activity_rollups.tool_calls + excluded.tool_calls,
        tool_errors = activity_rollups.tool_errors + excluded.tool_errors,
        input_tokens = activity_rollups.input_tokens + excluded.input_tokens,
        output_tokens = activity_rollups.output_tokens + excluded.output_tokens,
        cache_creation_tokens = activity_rollups.cache_creation_tokens + excluded.cache_creation_tokens,
        cache_read_tokens = activity_rollups.cache_read_tokens + excluded.cache_read_tokens,
        cost_nano_usd = activity_rollups.cost_nano_usd + excluded.cost_nano_usd,
        api_calls = activity_rollups.api_calls + excluded.api_calls,
        unpriced_calls = activity_rollups.unpriced_calls + excluded.unpriced_calls,
        cache_priced_calls = activity_rollups.cache_priced_calls + excluded.cache_priced_calls,
        uncached_nano_usd = activity_rollups.uncached_nano_usd + excluded.uncached_nano_usd,
        cache_saved_nano_usd = activity_rollups.cache_saved_nano_usd + excluded.cache_saved_nano_usd,
        active_by_quarter = activity_rollups.active_by_quarter + excluded.active_by_quarter
    RETURNING
        new.ctid AS place,
        (new.sessions, new.wall_us, new.active_us, new.user_messages, new.assistant_messages, new.files_modified, new.lines_added,
        new.lines_removed, new.tool_calls, new.tool_errors, new.input_tokens, new.output_tokens, new.cache_creation_tokens,
        new.cache_read_tokens, new.cost_nano_usd, new.api_calls, new.unpriced_calls, new.cache_priced_calls,
        new.uncached_nano_usd, new.cache_saved_nano_usd, new.active_by_quarter)
          = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) AS is_empty
)
INSERT INTO emptied_cells (cells, place)
SELECT 'file_rollups', place FROM rolled_file_rollups WHERE is_empty
UNION ALL
SELECT 'file_sets', place FROM rolled_file_sets WHERE is_empty
UNION ALL
SELECT 'tool_rollups', place FROM rolled_tool_rollups WHERE is_empty
UNION ALL
SELECT 'error_rollups', place FROM rolled_error_rollups WHERE is_empty
UNION ALL
SELECT 'usage_rollups', place FROM rolled_usage_rollups WHERE is_empty
UNION ALL
SELECT 'activity_rollups', place FROM rolled_activity_rollups WHERE is_empty;
