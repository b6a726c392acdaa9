-- Composed by services.worker.sessions.session_rebuild. Do not edit: `make render-sql` writes this file.

WITH new_messages AS (
    SELECT session_id, project_id, user_id, occurred_at, role
    FROM messages WHERE session_id = ANY(%(session_ids)s)
),
new_tool_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
    FROM tool_calls WHERE session_id = ANY(%(session_ids)s)
),
new_activities AS (
    SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
    FROM activities WHERE session_id = ANY(%(session_ids)s)
),
new_api_calls AS (
    SELECT session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
    FROM api_calls WHERE session_id = ANY(%(session_ids)s)
),
new_timeline_entries AS (
    SELECT session_id, project_id, user_id, occurred_at, kind
    FROM timeline_entries WHERE session_id = ANY(%(session_ids)s)
),
new_session_files AS (SELECT session_id, file_key FROM session_files WHERE session_id = ANY(%(session_ids)s)),
new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE session_id = ANY(%(session_ids)s)),
new_facts AS NOT MATERIALIZED (SELECT * FROM session_facts WHERE session_id = ANY(%(session_ids)s)),
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
),
merged AS (
    SELECT s.session_id, d.session_id IS NOT NULL AS counted, d.started_at, greatest(d.ended_at, f.ended_at) AS ended_at,
           least(d.first_event_at, f.first_event_at) AS first_event_at, greatest(d.last_event_at, f.last_event_at) AS last_event_at,
           coalesce(d.active_ranges, '{}') + coalesce(f.active_ranges, '{}') AS active_ranges,
           coalesce(d.user_messages, 0) AS user_messages, coalesce(d.assistant_messages, 0) AS assistant_messages,
           coalesce(d.tool_calls, 0) AS tool_calls, coalesce(d.tool_errors, 0) AS tool_errors,
           coalesce(d.files_modified, 0) AS files_modified, coalesce(d.lines_added, 0) AS lines_added,
           coalesce(d.lines_removed, 0) AS lines_removed, coalesce(d.input_tokens, 0) AS input_tokens,
           coalesce(d.output_tokens, 0) AS output_tokens, coalesce(d.cache_creation_tokens, 0) AS cache_creation_tokens,
           coalesce(d.cache_read_tokens, 0) AS cache_read_tokens, coalesce(d.api_calls, 0) AS api_calls,
           coalesce(d.unpriced_calls, 0) AS unpriced_calls, coalesce(d.cost_nano_usd, 0) AS cost_nano_usd,
           coalesce(d.cache_priced_calls, 0) AS cache_priced_calls, coalesce(d.uncached_nano_usd, 0) AS uncached_nano_usd,
           coalesce(d.cache_saved_nano_usd, 0) AS cache_saved_nano_usd, f.snapshot
    FROM sessions AS s LEFT JOIN per_session AS d USING (session_id) LEFT JOIN facts_per_session AS f USING (session_id)
    WHERE s.session_id = ANY(%(session_ids)s)
),
chosen AS (
    SELECT *, snapshot IS NOT NULL AND lines_added + lines_removed = 0 AS lines_from_snapshot,
           snapshot IS NOT NULL AND input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens = 0 AS usage_from_snapshot
    FROM merged
),
changed AS (
    UPDATE sessions AS s SET
        counted = c.counted,
        started_at = c.started_at, ended_at = c.ended_at, first_event_at = c.first_event_at, last_event_at = c.last_event_at,
        dated_at = coalesce(least(c.started_at, c.first_event_at), greatest(c.ended_at, c.last_event_at), '-infinity'),
        wall_us = coalesce(microseconds(greatest(c.ended_at, c.last_event_at) - least(c.started_at, c.first_event_at)), 0),
        active_ranges = c.active_ranges, active_us = measure_us(without_gap(c.active_ranges, %(idle_gap)s)),
        user_messages = c.user_messages, assistant_messages = c.assistant_messages,
        tool_calls = c.tool_calls, tool_errors = c.tool_errors, files_modified = c.files_modified,
        api_calls = c.api_calls, unpriced_calls = c.unpriced_calls, cache_priced_calls = c.cache_priced_calls,
        uncached_nano_usd = c.uncached_nano_usd, cache_saved_nano_usd = c.cache_saved_nano_usd,
        snapshot = c.snapshot, lines_from_snapshot = c.lines_from_snapshot, usage_from_snapshot = c.usage_from_snapshot,
        lines_added = CASE WHEN c.lines_from_snapshot THEN coalesce((c.snapshot->>'lines_added')::bigint, 0) ELSE c.lines_added END,
        lines_removed = CASE WHEN c.lines_from_snapshot THEN coalesce((c.snapshot->>'lines_removed')::bigint, 0) ELSE c.lines_removed END,
        input_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'input_tokens')::bigint, 0) ELSE c.input_tokens END,
        output_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'output_tokens')::bigint, 0) ELSE c.output_tokens END,
        cache_creation_tokens =
            CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'cache_creation_tokens')::bigint, 0) ELSE c.cache_creation_tokens END,
        cache_read_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'cache_read_tokens')::bigint, 0) ELSE c.cache_read_tokens END,
        cost_nano_usd = CASE WHEN c.usage_from_snapshot THEN (c.snapshot->>'cost_nano_usd')::bigint
                             WHEN c.api_calls > c.unpriced_calls THEN c.cost_nano_usd END
    FROM chosen AS c WHERE s.session_id = c.session_id
    RETURNING old AS before, new AS after
),
new_sessions AS (SELECT (after).* FROM changed),
gone_sessions AS (SELECT (before).* FROM changed)
SELECT count(*) FROM changed WHERE (after).counted AND NOT (before).counted;
