-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT session_id, user_messages, assistant_messages, tool_calls, tool_errors, files_modified, lines_added, lines_removed,
    input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd,
    cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
    FROM (
        SELECT * FROM (
            SELECT session_id,
                   user_messages, assistant_messages, tool_calls, tool_errors, files_modified,
                   CASE WHEN lines_from_snapshot THEN 0 ELSE coalesce(lines_added, 0) END AS lines_added,
                   CASE WHEN lines_from_snapshot THEN 0 ELSE coalesce(lines_removed, 0) END AS lines_removed,
                   CASE WHEN usage_from_snapshot THEN 0 ELSE coalesce(input_tokens, 0) END AS input_tokens,
                   CASE WHEN usage_from_snapshot THEN 0 ELSE coalesce(output_tokens, 0) END AS output_tokens,
                   CASE WHEN usage_from_snapshot THEN 0 ELSE coalesce(cache_creation_tokens, 0) END AS cache_creation_tokens,
                   CASE WHEN usage_from_snapshot THEN 0 ELSE coalesce(cache_read_tokens, 0) END AS cache_read_tokens, api_calls,
                   unpriced_calls, CASE WHEN usage_from_snapshot THEN 0 ELSE coalesce(cost_nano_usd, 0) END AS cost_nano_usd,
                   cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
            FROM sessions WHERE counted
        ) AS sessions
        WHERE session_id NOT IN (SELECT session_id FROM dropping_sessions)
    ) AS cells
    WHERE (user_messages, assistant_messages, tool_calls, tool_errors, files_modified, lines_added, lines_removed, input_tokens,
    output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd, cache_priced_calls,
    uncached_nano_usd, cache_saved_nano_usd)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
),
expected AS (
    SELECT session_id, user_messages, assistant_messages, tool_calls, tool_errors, files_modified, lines_added, lines_removed,
    input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd,
    cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
    FROM (
        SELECT * FROM (
            WITH new_messages AS (
                SELECT session_id, project_id, user_id, occurred_at, role
                FROM messages WHERE session_id IS NOT NULL
            ),
            new_tool_calls AS (
                SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
                FROM tool_calls WHERE session_id IS NOT NULL
            ),
            new_activities AS (
                SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
                FROM activities WHERE session_id IS NOT NULL
            ),
            new_api_calls AS (
                SELECT session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
                cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
                FROM api_calls WHERE session_id IS NOT NULL
            ),
            new_timeline_entries AS (
                SELECT session_id, project_id, user_id, occurred_at, kind
                FROM timeline_entries WHERE session_id IS NOT NULL
            ),
            new_session_files AS (SELECT session_id, file_key FROM session_files WHERE session_id IS NOT NULL),
            new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE session_id IS NOT NULL),
            new_facts AS NOT MATERIALIZED (SELECT * FROM session_facts WHERE session_id IS NOT NULL),
            per_session AS (
                SELECT session_id, min(started_at) AS started_at, max(ended_at) AS ended_at,
                       min(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS first_event_at,
                       max(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS last_event_at,
                       coalesce(range_agg(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) FILTER (WHERE isfinite(occurred_at)), '{}') AS active_ranges,
                       sum(user_messages)::bigint AS user_messages, sum(assistant_messages)::bigint AS assistant_messages,
                       sum(tool_calls)::bigint AS tool_calls, sum(tool_errors)::bigint AS tool_errors,
                       sum(files_modified)::bigint AS files_modified, sum(lines_added)::bigint AS lines_added,
                       sum(lines_removed)::bigint AS lines_removed, sum(input_tokens)::bigint AS input_tokens,
                       sum(output_tokens)::bigint AS output_tokens, sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
                       sum(cache_read_tokens)::bigint AS cache_read_tokens, sum(api_calls)::bigint AS api_calls,
                       sum(unpriced_calls)::bigint AS unpriced_calls, sum(cost_nano_usd)::bigint AS cost_nano_usd,
                       sum(cache_priced_calls)::bigint AS cache_priced_calls, sum(uncached_nano_usd)::bigint AS uncached_nano_usd,
                       sum(cache_saved_nano_usd)::bigint AS cache_saved_nano_usd
                FROM (
                    SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
                           (role = 'user')::int AS user_messages, (role = 'assistant')::int AS assistant_messages, 0 AS tool_calls,
                           0 AS tool_errors, 0 AS files_modified, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
                           0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
                           0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
                    FROM new_messages
                    UNION ALL
                    SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
                           0 AS user_messages, 0 AS assistant_messages, 1 AS tool_calls, (status IN ('error', 'timeout'))::int AS tool_errors,
                           0 AS files_modified, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
                           0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
                           0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
                    FROM new_tool_calls
                    UNION ALL
                    SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
                           0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified,
                           lines_added AS lines_added, lines_removed AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
                           0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
                           0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd
                    FROM new_activities
                    UNION ALL
                    SELECT session_id, occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
                           0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
                           0 AS lines_removed, input_tokens AS input_tokens, output_tokens AS output_tokens,
                           cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens AS cache_read_tokens,
                           1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd,
                           (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
                           coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd
                    FROM new_api_calls
                    UNION ALL
                    SELECT session_id, NULL::timestamptz AS occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
                           0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 1 AS files_modified, 0 AS lines_added,
                           0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens,
                           0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd, 0 AS cache_priced_calls, 0 AS uncached_nano_usd,
                           0 AS cache_saved_nano_usd
                    FROM new_session_files
                    UNION ALL
                    SELECT session_id, occurred_at, CASE kind WHEN 'start' THEN occurred_at END AS started_at,
                    CASE kind WHEN 'end' THEN occurred_at END AS ended_at,
                           0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
                           0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens,
                           0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd, 0 AS cache_priced_calls, 0 AS uncached_nano_usd,
                           0 AS cache_saved_nano_usd
                    FROM new_session_events
                    UNION ALL
                    SELECT session_id, NULL::timestamptz AS occurred_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at,
                           0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
                           0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens, 0 AS cache_read_tokens,
                           0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd, 0 AS cache_priced_calls, 0 AS uncached_nano_usd,
                           0 AS cache_saved_nano_usd
                    FROM new_facts
                ) AS added
                WHERE session_id IS NOT NULL GROUP BY session_id
            ),
            facts_per_session AS (
                SELECT f.session_id, min(first_record_at) AS first_event_at, max(last_record_at) AS last_event_at, max(ended_at) AS ended_at,
                       coalesce(range_agg(active_ranges), '{}') AS active_ranges,
                       (SELECT jsonb_object_agg(key, n)
                        FROM (SELECT key, max(value::bigint) AS n FROM new_facts AS g, jsonb_each_text(numbers)
                              WHERE g.session_id = f.session_id GROUP BY key) AS greatest
                       ) AS snapshot
                FROM new_facts AS f GROUP BY f.session_id
            )
            SELECT session_id, d.started_at, greatest(d.ended_at, f.ended_at) AS ended_at, least(d.first_event_at, f.first_event_at) AS first_event_at,
                   greatest(d.last_event_at, f.last_event_at) AS last_event_at, d.active_ranges + coalesce(f.active_ranges, '{}') AS active_ranges,
                   d.user_messages, d.assistant_messages, d.tool_calls, d.tool_errors, d.files_modified, d.lines_added, d.lines_removed,
                   d.input_tokens, d.output_tokens, d.cache_creation_tokens, d.cache_read_tokens, d.api_calls, d.unpriced_calls,
                   d.cost_nano_usd, d.cache_priced_calls, d.uncached_nano_usd, d.cache_saved_nano_usd, f.snapshot
            FROM per_session AS d LEFT JOIN facts_per_session AS f USING (session_id)
        ) AS sessions
        WHERE session_id NOT IN (SELECT session_id FROM dropping_sessions)
    ) AS cells
    WHERE (user_messages, assistant_messages, tool_calls, tool_errors, files_modified, lines_added, lines_removed, input_tokens,
    output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd, cache_priced_calls,
    uncached_nano_usd, cache_saved_nano_usd)
       <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
