-- Composed by services.worker.sessions.reattribution. Do not edit: `make render-sql` writes this file.

WITH rebuilt AS (
    UPDATE active_days AS d SET ranges = coalesce((
        SELECT range_agg(without_gap(s.active_ranges, %(idle_gap)s) * tstzmultirange(b.day))
        FROM sessions AS s
        WHERE s.counted AND s.user_id = d.user_id AND (d.project_id = -1 OR s.project_id = d.project_id)
          AND s.dated_at < upper(b.day) AND s.last_event_at >= lower(b.day) AND s.active_ranges && b.day), '{}')
        + coalesce((
        SELECT range_agg(without_gap(s.active_ranges, %(idle_gap)s) * tstzmultirange(b.day))
        FROM base_sessions AS s
        WHERE s.user_id = d.user_id AND (d.project_id = -1 OR s.project_id = d.project_id)
          AND s.dated_at < upper(b.day) AND s.last_event_at >= lower(b.day) AND s.active_ranges && b.day), '{}')
    FROM (SELECT DISTINCT project_id, user_id, day AS date, tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC') AS day
          FROM moving_days) AS b
    WHERE (d.project_id, d.user_id, d.day) = (b.project_id, b.user_id, b.date)
    RETURNING new.project_id, new.user_id, old.ranges AS before, new.ranges AS after
),
active_deltas AS (
    SELECT project_id, user_id, c.bucket_start, sum(sign * microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
    FROM (SELECT project_id, user_id, 1 AS sign, after - before AS ranges FROM rebuilt
          UNION ALL SELECT project_id, user_id, -1, before - after FROM rebuilt) AS moved, cut_at_buckets(ranges, 15) AS c
    GROUP BY 1, 2, 3
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
SELECT 'activity_rollups', place FROM rolled_activity_rollups WHERE is_empty;
