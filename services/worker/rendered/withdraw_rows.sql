-- Composed by services.worker.importers.job.withdraw_rows. Do not edit: `make render-sql` writes this file.

WITH gone_messages AS (
    DELETE FROM messages WHERE id = ANY(%(row_ids)s::uuid[]) AND (%(is_of_wire_too)s OR NOT coalesce(0 >= ANY(brought_by), true)) RETURNING session_id, project_id, user_id, occurred_at, role
),
gone_tool_calls AS (
    DELETE FROM tool_calls WHERE id = ANY(%(row_ids)s::uuid[]) AND (%(is_of_wire_too)s OR NOT coalesce(0 >= ANY(brought_by), true)) RETURNING session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
),
gone_activities AS (
    DELETE FROM activities WHERE id = ANY(%(row_ids)s::uuid[]) AND (%(is_of_wire_too)s OR NOT coalesce(0 >= ANY(brought_by), true)) RETURNING session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
),
gone_api_calls AS (
    DELETE FROM api_calls WHERE id = ANY(%(row_ids)s::uuid[]) AND (%(is_of_wire_too)s OR NOT coalesce(0 >= ANY(brought_by), true)) RETURNING session_id, project_id, user_id, occurred_at, model, input_tokens, output_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, cache_read_tokens, cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd
),
gone_timeline_entries AS (
    DELETE FROM timeline_entries WHERE id = ANY(%(row_ids)s::uuid[]) AND (%(is_of_wire_too)s OR NOT coalesce(0 >= ANY(brought_by), true)) RETURNING session_id, project_id, user_id, occurred_at, kind
)
SELECT session_id, coalesce(range_agg(ranges), '{}')::text AS ranges, array_agg(DISTINCT file_key) FILTER (WHERE file_key IS NOT NULL) AS file_keys,
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
    SELECT session_id, CASE WHEN isfinite(occurred_at) THEN tstzmultirange(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) END AS ranges,
           (role = 'user')::int AS user_messages, (role = 'assistant')::int AS assistant_messages, 0 AS tool_calls,
           0 AS tool_errors, 0 AS files_modified, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
           0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
           0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd, NULL::uuid AS file_key
    FROM gone_messages
    UNION ALL
    SELECT session_id, CASE WHEN isfinite(occurred_at) THEN tstzmultirange(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) END AS ranges,
           0 AS user_messages, 0 AS assistant_messages, 1 AS tool_calls, (status IN ('error', 'timeout'))::int AS tool_errors,
           0 AS files_modified, 0 AS lines_added, 0 AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
           0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
           0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd, NULL::uuid AS file_key
    FROM gone_tool_calls
    UNION ALL
    SELECT session_id, CASE WHEN isfinite(occurred_at) THEN tstzmultirange(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) END AS ranges,
           0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified,
           lines_added AS lines_added, lines_removed AS lines_removed, 0 AS input_tokens, 0 AS output_tokens,
           0 AS cache_creation_tokens, 0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd,
           0 AS cache_priced_calls, 0 AS uncached_nano_usd, 0 AS cache_saved_nano_usd, file_key
    FROM gone_activities
    UNION ALL
    SELECT session_id, CASE WHEN isfinite(occurred_at) THEN tstzmultirange(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) END AS ranges,
           0 AS user_messages, 0 AS assistant_messages, 0 AS tool_calls, 0 AS tool_errors, 0 AS files_modified, 0 AS lines_added,
           0 AS lines_removed, input_tokens AS input_tokens, output_tokens AS output_tokens,
           cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens AS cache_read_tokens,
           1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd,
           (cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
           coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd, NULL::uuid AS file_key
    FROM gone_api_calls
) AS rows WHERE session_id IS NOT NULL GROUP BY session_id;

WITH gone AS (
    SELECT session_id, range_agg(ranges) AS ranges,
           sum(user_messages)::bigint AS user_messages, sum(assistant_messages)::bigint AS assistant_messages,
           sum(tool_calls)::bigint AS tool_calls, sum(tool_errors)::bigint AS tool_errors,
           sum(files_modified)::bigint AS files_modified, sum(lines_added)::bigint AS lines_added,
           sum(lines_removed)::bigint AS lines_removed, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(cache_creation_tokens)::bigint AS cache_creation_tokens,
           sum(cache_read_tokens)::bigint AS cache_read_tokens, sum(api_calls)::bigint AS api_calls,
           sum(unpriced_calls)::bigint AS unpriced_calls, sum(cost_nano_usd)::bigint AS cost_nano_usd,
           sum(cache_priced_calls)::bigint AS cache_priced_calls, sum(uncached_nano_usd)::bigint AS uncached_nano_usd,
           sum(cache_saved_nano_usd)::bigint AS cache_saved_nano_usd
    FROM jsonb_to_recordset(%(gone)s::jsonb) AS g (session_id text, ranges tstzmultirange, user_messages bigint, assistant_messages bigint, tool_calls bigint, tool_errors bigint, files_modified bigint,
    lines_added bigint, lines_removed bigint, input_tokens bigint, output_tokens bigint, cache_creation_tokens bigint,
    cache_read_tokens bigint, api_calls bigint, unpriced_calls bigint, cost_nano_usd bigint, cache_priced_calls bigint,
    uncached_nano_usd bigint, cache_saved_nano_usd bigint)
    GROUP BY session_id
),
kept_facts AS (
    SELECT f.session_id, min(first_record_at) AS first_event_at, max(last_record_at) AS last_event_at, max(ended_at) AS ended_at,
           coalesce(range_agg(active_ranges), '{}') AS active_ranges,
           (SELECT jsonb_object_agg(key, n)
            FROM (SELECT key, max(value::bigint) AS n FROM session_facts AS g, jsonb_each_text(numbers)
                  WHERE g.session_id = f.session_id GROUP BY key) AS greatest
           ) AS snapshot
    FROM session_facts AS f WHERE session_id = ANY(%(session_ids)s) GROUP BY f.session_id
),
open AS (
    SELECT session_id, g.ranges - coalesce(f.active_ranges, '{}') AS ranges FROM gone AS g LEFT JOIN kept_facts AS f USING (session_id)
),
kept AS (
    SELECT o.session_id, range_agg(tstzrange(r.occurred_at, r.occurred_at + %(idle_gap)s)) AS ranges
    FROM open AS o, unnest(o.ranges) AS p (piece), LATERAL (
        SELECT occurred_at FROM messages WHERE session_id = o.session_id AND occurred_at > lower(p.piece) - %(idle_gap)s AND occurred_at < upper(p.piece)
        UNION ALL
        SELECT occurred_at FROM tool_calls WHERE session_id = o.session_id AND occurred_at > lower(p.piece) - %(idle_gap)s AND occurred_at < upper(p.piece)
        UNION ALL
        SELECT occurred_at FROM activities WHERE session_id = o.session_id AND occurred_at > lower(p.piece) - %(idle_gap)s AND occurred_at < upper(p.piece)
        UNION ALL
        SELECT occurred_at FROM api_calls WHERE session_id = o.session_id AND occurred_at > lower(p.piece) - %(idle_gap)s AND occurred_at < upper(p.piece)
        UNION ALL
        SELECT occurred_at FROM session_events WHERE session_id = o.session_id AND occurred_at > lower(p.piece) - %(idle_gap)s AND occurred_at < upper(p.piece)
    ) AS r GROUP BY o.session_id
),
merged AS (
    SELECT s.session_id, f.session_id IS NOT NULL OR t.first_event_at IS NOT NULL OR (EXISTS (SELECT FROM messages AS e WHERE e.session_id = s.session_id) OR EXISTS (SELECT FROM tool_calls AS e WHERE e.session_id = s.session_id) OR EXISTS (SELECT FROM activities AS e WHERE e.session_id = s.session_id) OR EXISTS (SELECT FROM api_calls AS e WHERE e.session_id = s.session_id)) AS counted,
           t.started_at, greatest(t.ended_at, f.ended_at) AS ended_at,
           least(t.first_event_at, f.first_event_at) AS first_event_at, greatest(t.last_event_at, f.last_event_at) AS last_event_at,
           s.active_ranges - coalesce(o.ranges, '{}') + coalesce(k.ranges, '{}') AS active_ranges,
           s.user_messages - coalesce(g.user_messages, 0) AS user_messages,
           s.assistant_messages - coalesce(g.assistant_messages, 0) AS assistant_messages,
           s.tool_calls - coalesce(g.tool_calls, 0) AS tool_calls, s.tool_errors - coalesce(g.tool_errors, 0) AS tool_errors,
           (SELECT count(*) FROM session_files AS f WHERE f.session_id = s.session_id) AS files_modified,
           CASE WHEN s.lines_from_snapshot THEN 0 ELSE coalesce(s.lines_added, 0) END - coalesce(g.lines_added, 0) AS lines_added,
           CASE WHEN s.lines_from_snapshot THEN 0 ELSE coalesce(s.lines_removed, 0) END - coalesce(g.lines_removed, 0) AS lines_removed,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE coalesce(s.input_tokens, 0) END - coalesce(g.input_tokens, 0) AS input_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE coalesce(s.output_tokens, 0) END - coalesce(g.output_tokens, 0) AS output_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE coalesce(s.cache_creation_tokens, 0) END - coalesce(g.cache_creation_tokens, 0) AS cache_creation_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE coalesce(s.cache_read_tokens, 0) END - coalesce(g.cache_read_tokens, 0) AS cache_read_tokens,
           s.api_calls - coalesce(g.api_calls, 0) AS api_calls, s.unpriced_calls - coalesce(g.unpriced_calls, 0) AS unpriced_calls,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE coalesce(s.cost_nano_usd, 0) END - coalesce(g.cost_nano_usd, 0) AS cost_nano_usd,
           s.cache_priced_calls - coalesce(g.cache_priced_calls, 0) AS cache_priced_calls,
           s.uncached_nano_usd - coalesce(g.uncached_nano_usd, 0) AS uncached_nano_usd,
           s.cache_saved_nano_usd - coalesce(g.cache_saved_nano_usd, 0) AS cache_saved_nano_usd, f.snapshot
    FROM sessions AS s LEFT JOIN gone AS g USING (session_id) LEFT JOIN open AS o USING (session_id)
    LEFT JOIN kept AS k USING (session_id) LEFT JOIN kept_facts AS f USING (session_id),
    LATERAL (
        SELECT min(first_at) AS first_event_at, max(last_at) AS last_event_at, min(started_at) AS started_at, max(ended_at) AS ended_at
        FROM (
            SELECT (SELECT min(occurred_at) FROM messages WHERE session_id = s.session_id AND occurred_at > '-infinity') AS first_at,
                   (SELECT max(occurred_at) FROM messages WHERE session_id = s.session_id AND occurred_at > '-infinity') AS last_at,
                   NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at
            UNION ALL
            SELECT (SELECT min(occurred_at) FROM tool_calls WHERE session_id = s.session_id AND occurred_at > '-infinity') AS first_at,
                   (SELECT max(occurred_at) FROM tool_calls WHERE session_id = s.session_id AND occurred_at > '-infinity') AS last_at,
                   NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at
            UNION ALL
            SELECT (SELECT min(occurred_at) FROM activities WHERE session_id = s.session_id AND occurred_at > '-infinity') AS first_at,
                   (SELECT max(occurred_at) FROM activities WHERE session_id = s.session_id AND occurred_at > '-infinity') AS last_at,
                   NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at
            UNION ALL
            SELECT (SELECT min(occurred_at) FROM api_calls WHERE session_id = s.session_id AND occurred_at > '-infinity') AS first_at,
                   (SELECT max(occurred_at) FROM api_calls WHERE session_id = s.session_id AND occurred_at > '-infinity') AS last_at,
                   NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at
            UNION ALL
            SELECT min(occurred_at), max(occurred_at), min(occurred_at) FILTER (WHERE kind = 'start'), max(occurred_at) FILTER (WHERE kind = 'end')
            FROM session_events WHERE session_id = s.session_id
        ) AS times
    ) AS t
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
SELECT count(*) FROM changed;
