-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, sessions, wall_us, active_us, user_messages, assistant_messages,
    files_modified, lines_added, lines_removed, tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd,
    active_by_quarter
    FROM (
        SELECT * FROM activity_rollups
    ) AS cells
    WHERE (sessions, wall_us, active_us, user_messages, assistant_messages, files_modified, lines_added, lines_removed, tool_calls,
    tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls,
    unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd, active_by_quarter)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
),
expected AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, sessions, wall_us, active_us, user_messages, assistant_messages,
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
    ) AS cells
    WHERE (sessions, wall_us, active_us, user_messages, assistant_messages, files_modified, lines_added, lines_removed, tool_calls,
    tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls,
    unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd, active_by_quarter)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
