-- Composed by services.worker.maintenance.reprice. Do not edit: `make render-sql` writes this file.

SELECT id, session_id, occurred_at::text AS at
FROM api_calls
WHERE (session_id, occurred_at, id) > (%(session_id)s, %(at)s::timestamptz, %(id)s::uuid) AND (%(from_at)s::timestamptz IS NULL OR occurred_at >= %(from_at)s) AND (%(to_at)s::timestamptz IS NULL OR occurred_at < %(to_at)s)
AND (%(model)s::text IS NULL OR coalesce(model, '') LIKE %(model)s)
ORDER BY session_id, occurred_at, id LIMIT %(limit)s;

SELECT id, session_id, occurred_at::text AS at
FROM api_calls
WHERE session_id IS NULL AND (occurred_at, id) > (%(at)s::timestamptz, %(id)s::uuid) AND (%(from_at)s::timestamptz IS NULL OR occurred_at >= %(from_at)s) AND (%(to_at)s::timestamptz IS NULL OR occurred_at < %(to_at)s)
AND (%(model)s::text IS NULL OR coalesce(model, '') LIKE %(model)s)
ORDER BY occurred_at, id LIMIT %(limit)s;

WITH repriced AS (
    UPDATE api_calls AS t SET cost_nano_usd = s.cost, uncached_nano_usd = s.uncached, cache_saved_nano_usd = s.saved,
        cache_write_nano_usd = s.written, price_version = s.version
    FROM unnest(%(ids)s::uuid[], %(costs)s::bigint[], %(uncached)s::bigint[], %(saved)s::bigint[], %(written)s::bigint[], %(versions)s::text[])
        AS s (id, cost, uncached, saved, written, version)
    WHERE t.id = s.id
    RETURNING old AS before, new AS after
),
new_api_calls AS (
    SELECT (after).session_id, (after).project_id, (after).user_id, (after).occurred_at, (after).model, (after).input_tokens,
    (after).output_tokens, (after).cache_write_5m_tokens, (after).cache_write_1h_tokens, (after).cache_read_tokens,
    (after).cost_nano_usd, (after).uncached_nano_usd, (after).cache_saved_nano_usd
    FROM repriced
),
gone_api_calls AS (
    SELECT (before).session_id, (before).project_id, (before).user_id, (before).occurred_at, (before).model, (before).input_tokens,
    (before).output_tokens, (before).cache_write_5m_tokens, (before).cache_write_1h_tokens, (before).cache_read_tokens,
    (before).cost_nano_usd, (before).uncached_nano_usd, (before).cache_saved_nano_usd
    FROM repriced
),
added AS (
    UPDATE sessions AS s SET
        unpriced_calls = s.unpriced_calls + d.unpriced,
        cost_nano_usd = CASE WHEN s.usage_from_snapshot THEN s.cost_nano_usd
                             WHEN s.api_calls > s.unpriced_calls + d.unpriced THEN coalesce(s.cost_nano_usd, 0) + d.cost END,
        cache_priced_calls = s.cache_priced_calls + d.cache_priced,
        uncached_nano_usd = s.uncached_nano_usd + d.uncached,
        cache_saved_nano_usd = s.cache_saved_nano_usd + d.saved
    FROM (
        SELECT (after).session_id,
            sum(((after).cost_nano_usd IS NULL)::int - ((before).cost_nano_usd IS NULL)::int)::bigint AS unpriced,
            sum(coalesce((after).cost_nano_usd, 0) - coalesce((before).cost_nano_usd, 0))::bigint AS cost,
            sum(((after).cache_saved_nano_usd IS NOT NULL)::int - ((before).cache_saved_nano_usd IS NOT NULL)::int)::bigint AS cache_priced,
            sum(coalesce((after).uncached_nano_usd, 0) - coalesce((before).uncached_nano_usd, 0))::bigint AS uncached,
            sum(coalesce((after).cache_saved_nano_usd, 0) - coalesce((before).cache_saved_nano_usd, 0))::bigint AS saved
        FROM repriced WHERE (after).session_id IS NOT NULL GROUP BY 1
    ) AS d WHERE s.session_id = d.session_id
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
            project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, coalesce(model, '') AS model,
            -input_tokens AS input_tokens, -output_tokens AS output_tokens,
            -(cache_write_5m_tokens + cache_write_1h_tokens) AS cache_creation_tokens, -cache_read_tokens AS cache_read_tokens,
            -(coalesce(cost_nano_usd, 0)) AS cost_nano_usd, -(1) AS api_calls, -((cost_nano_usd IS NULL)::int) AS unpriced_calls,
            -((cache_saved_nano_usd IS NOT NULL)::int) AS cache_priced_calls, -(coalesce(uncached_nano_usd, 0)) AS uncached_nano_usd,
            -(coalesce(cache_saved_nano_usd, 0)) AS cache_saved_nano_usd
        FROM gone_api_calls
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
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, input_tokens,
            output_tokens, cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
            coalesce(cost_nano_usd, 0) AS cost_nano_usd, 1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls,
            (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
            coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
        FROM new_api_calls
        UNION ALL
        SELECT
            project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, 0 AS sessions, 0 AS wall_us, 0 AS user_messages,
            0 AS assistant_messages, 0 AS lines_added, 0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors,
            -input_tokens AS input_tokens, -output_tokens AS output_tokens,
            -(cache_write_5m_tokens + cache_write_1h_tokens) AS cache_creation_tokens, -cache_read_tokens AS cache_read_tokens,
            -(coalesce(cost_nano_usd, 0)) AS cost_nano_usd, -(1) AS api_calls, -((cost_nano_usd IS NULL)::int) AS unpriced_calls,
            -((cache_saved_nano_usd IS NOT NULL)::int) AS cache_priced_calls, -(coalesce(uncached_nano_usd, 0)) AS uncached_nano_usd,
            -(coalesce(cache_saved_nano_usd, 0)) AS cache_saved_nano_usd
        FROM gone_api_calls
    ) AS contributions
    GROUP BY 1, 2, 3
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
)
SELECT count(*) FROM repriced;

SELECT coalesce(model, '') AS model, sum(api_calls)::bigint AS calls, sum(cost_nano_usd)::numeric AS nano_usd
FROM base_usage_rollups WHERE (%(from_at)s::timestamptz IS NULL OR bucket_start >= %(from_at)s) AND (%(to_at)s::timestamptz IS NULL OR bucket_start < %(to_at)s)
AND (%(model)s::text IS NULL OR coalesce(model, '') LIKE %(model)s) GROUP BY 1 HAVING sum(api_calls) > 0;
