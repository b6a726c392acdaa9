-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT session_id, project_id, user_id, bucket_start, counted_rows, user_messages, assistant_messages, tool_calls, tool_errors,
    lines_added, lines_removed, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls,
    unpriced_calls, cache_priced_calls, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
    FROM (
        SELECT * FROM session_quarters
    ) AS cells
),
expected AS (
    SELECT session_id, project_id, user_id, bucket_start, counted_rows, user_messages, assistant_messages, tool_calls, tool_errors,
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
    ) AS cells
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
