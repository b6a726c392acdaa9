-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
    FROM (
        SELECT * FROM usage_rollups
    ) AS cells
    WHERE (input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls,
    cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
),
expected AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens,
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
    ) AS cells
    WHERE (input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls,
    cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
