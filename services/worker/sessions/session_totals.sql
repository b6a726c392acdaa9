-- name: added
SELECT session_id, $times,
       $measures
FROM $rows

-- name: per_session
per_session AS (
    SELECT session_id, min(started_at) AS started_at, max(ended_at) AS ended_at,
           min(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS first_event_at,
           max(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS last_event_at,
           coalesce(range_agg(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) FILTER (WHERE isfinite(occurred_at)), '{}') AS active_ranges,
           $sums
    FROM (
        $added
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

-- name: merged
-- The totals of a session without those of an earlier snapshot, and the new ones.
merged AS (
    SELECT session_id, true AS counted, least(s.started_at, d.started_at) AS started_at, greatest(s.ended_at, d.ended_at, f.ended_at) AS ended_at,
           least(s.first_event_at, d.first_event_at, f.first_event_at) AS first_event_at,
           greatest(s.last_event_at, d.last_event_at, f.last_event_at) AS last_event_at,
           s.active_ranges + d.active_ranges + coalesce(f.active_ranges, '{}') AS active_ranges,
           s.user_messages + d.user_messages AS user_messages,
           s.assistant_messages + d.assistant_messages AS assistant_messages,
           s.tool_calls + d.tool_calls AS tool_calls,
           s.tool_errors + d.tool_errors AS tool_errors,
           s.files_modified + d.files_modified AS files_modified,
           CASE WHEN s.lines_from_snapshot THEN 0 ELSE s.lines_added END + d.lines_added AS lines_added,
           CASE WHEN s.lines_from_snapshot THEN 0 ELSE s.lines_removed END + d.lines_removed AS lines_removed,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.input_tokens END + d.input_tokens AS input_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.output_tokens END + d.output_tokens AS output_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.cache_creation_tokens END + d.cache_creation_tokens AS cache_creation_tokens,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.cache_read_tokens END + d.cache_read_tokens AS cache_read_tokens,
           s.api_calls + d.api_calls AS api_calls,
           s.unpriced_calls + d.unpriced_calls AS unpriced_calls,
           CASE WHEN s.usage_from_snapshot THEN 0 ELSE coalesce(s.cost_nano_usd, 0) END + d.cost_nano_usd AS cost_nano_usd,
           s.cache_priced_calls + d.cache_priced_calls AS cache_priced_calls,
           s.uncached_nano_usd + d.uncached_nano_usd AS uncached_nano_usd,
           s.cache_saved_nano_usd + d.cache_saved_nano_usd AS cache_saved_nano_usd,
           CASE WHEN f.snapshot IS NULL THEN s.snapshot ELSE greatest_of_each(s.snapshot, f.snapshot) END AS snapshot
    FROM sessions AS s JOIN per_session AS d USING (session_id) LEFT JOIN facts_per_session AS f USING (session_id)
)

-- name: changed
-- From `merged`: the choice between the numbers of a session's own rows and its snapshot's, then the session itself.
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
)
