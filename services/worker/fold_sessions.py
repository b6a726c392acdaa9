"""Step 6 of an event's path: what new rows mean for their sessions, and how long people were active.

Text of CTEs for persist.PERSIST. They read `new_messages`, `new_tool_calls`, `new_activities`, `new_session_files`, `new_session_events` and the
staged snapshots, and give `changed` (each session before and after), `session_states` and `active_deltas`. The caller holds the sessions' locks.
"""

# One row an event, with what it adds to its session; then one row a session.
PER_SESSION = """
    events (session_id, occurred_at, started_at, ended_at, user_messages, assistant_messages, tool_calls, tool_errors, files_modified,
            lines_added, lines_removed, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens) AS (
        SELECT session_id, occurred_at, NULL::timestamptz, NULL::timestamptz, (role = 'user')::int, (role = 'assistant')::int, 0, 0, 0,
               0::bigint, 0::bigint, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens
        FROM new_messages
        UNION ALL
        SELECT session_id, occurred_at, NULL, NULL, 0, 0, 1, (status IN ('error', 'timeout'))::int, 0, 0, 0, 0, 0, 0, 0 FROM new_tool_calls
        UNION ALL
        SELECT session_id, occurred_at, NULL, NULL, 0, 0, 0, 0, 0, lines_added, lines_removed, 0, 0, 0, 0 FROM new_activities
        UNION ALL
        SELECT session_id, NULL, NULL, NULL, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 FROM new_session_files
        UNION ALL
        SELECT session_id, occurred_at, CASE kind WHEN 'start' THEN occurred_at END, CASE kind WHEN 'end' THEN occurred_at END,
               0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        FROM new_session_events
        UNION ALL
        SELECT session_id, NULL, NULL, ended_at, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM staged_snapshots
    ),
    per_session AS (
        SELECT session_id, min(started_at) AS started_at, max(ended_at) AS ended_at,
               min(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS first_event_at,
               max(occurred_at) FILTER (WHERE isfinite(occurred_at)) AS last_event_at,
               coalesce(range_agg(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) FILTER (WHERE isfinite(occurred_at)), '{}') AS active_ranges,
               sum(user_messages) AS user_messages, sum(assistant_messages) AS assistant_messages, sum(tool_calls) AS tool_calls,
               sum(tool_errors) AS tool_errors, sum(files_modified) AS files_modified, sum(lines_added) AS lines_added,
               sum(lines_removed) AS lines_removed, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
               sum(cache_creation_tokens) AS cache_creation_tokens, sum(cache_read_tokens) AS cache_read_tokens
        FROM events WHERE session_id IS NOT NULL GROUP BY session_id
    ),
    snapshots AS (
        SELECT session_id, jsonb_object_agg(key, n) AS snapshot
        FROM (SELECT session_id, key, max(value::bigint) AS n FROM staged_snapshots, jsonb_each_text(snapshot) GROUP BY session_id, key) AS numbers
        GROUP BY session_id
    )"""

# The numbers of its own events, without what an earlier snapshot lent it, then the choice between the two.
CHANGED_SESSIONS = """
    merged AS (
        SELECT session_id, least(s.started_at, d.started_at) AS started_at, greatest(s.ended_at, d.ended_at) AS ended_at,
               least(s.first_event_at, d.first_event_at) AS first_event_at, greatest(s.last_event_at, d.last_event_at) AS last_event_at,
               s.active_ranges + d.active_ranges AS active_ranges,
               s.user_messages + d.user_messages AS user_messages, s.assistant_messages + d.assistant_messages AS assistant_messages,
               s.tool_calls + d.tool_calls AS tool_calls, s.tool_errors + d.tool_errors AS tool_errors,
               s.files_modified + d.files_modified AS files_modified,
               CASE WHEN s.lines_from_snapshot THEN 0 ELSE s.lines_added END + d.lines_added AS lines_added,
               CASE WHEN s.lines_from_snapshot THEN 0 ELSE s.lines_removed END + d.lines_removed AS lines_removed,
               CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.input_tokens END + d.input_tokens AS input_tokens,
               CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.output_tokens END + d.output_tokens AS output_tokens,
               CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.cache_creation_tokens END + d.cache_creation_tokens AS cache_creation_tokens,
               CASE WHEN s.usage_from_snapshot THEN 0 ELSE s.cache_read_tokens END + d.cache_read_tokens AS cache_read_tokens,
               CASE WHEN n.snapshot IS NULL THEN s.snapshot ELSE greatest_of_each(s.snapshot, n.snapshot) END AS snapshot
        FROM sessions AS s JOIN per_session AS d USING (session_id) LEFT JOIN snapshots AS n USING (session_id)
    ),
    chosen AS (
        SELECT *, snapshot IS NOT NULL AND lines_added + lines_removed = 0 AS lines_from_snapshot,
               snapshot IS NOT NULL AND input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens = 0 AS usage_from_snapshot
        FROM merged
    ),
    changed AS (
        UPDATE sessions AS s SET
            counted = true,
            import_job_id = CASE WHEN s.counted THEN s.import_job_id ELSE %(import_job_id)s END,
            started_at = c.started_at, ended_at = c.ended_at, first_event_at = c.first_event_at, last_event_at = c.last_event_at,
            dated_at = coalesce(least(c.started_at, c.first_event_at), greatest(c.ended_at, c.last_event_at), '-infinity'),
            wall_us = coalesce(microseconds(greatest(c.ended_at, c.last_event_at) - least(c.started_at, c.first_event_at)), 0),
            active_ranges = c.active_ranges, active_us = measure_us(without_gap(c.active_ranges, %(idle_gap)s)),
            user_messages = c.user_messages, assistant_messages = c.assistant_messages, tool_calls = c.tool_calls, tool_errors = c.tool_errors,
            files_modified = c.files_modified, snapshot = c.snapshot,
            lines_from_snapshot = c.lines_from_snapshot, usage_from_snapshot = c.usage_from_snapshot,
            lines_added = CASE WHEN c.lines_from_snapshot THEN coalesce((c.snapshot->>'lines_added')::bigint, 0) ELSE c.lines_added END,
            lines_removed = CASE WHEN c.lines_from_snapshot THEN coalesce((c.snapshot->>'lines_removed')::bigint, 0) ELSE c.lines_removed END,
            input_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'input_tokens')::bigint, 0) ELSE c.input_tokens END,
            output_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'output_tokens')::bigint, 0) ELSE c.output_tokens END,
            cache_creation_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'cache_creation_tokens')::bigint, 0)
                                         ELSE c.cache_creation_tokens END,
            cache_read_tokens = CASE WHEN c.usage_from_snapshot THEN coalesce((c.snapshot->>'cache_read_tokens')::bigint, 0)
                                     ELSE c.cache_read_tokens END,
            cost_nano_usd = CASE WHEN c.usage_from_snapshot THEN (c.snapshot->>'cost_nano_usd')::bigint END
        FROM chosen AS c WHERE s.session_id = c.session_id
        RETURNING old AS before, new AS after
    ),
    session_states_before AS (SELECT (before).* FROM changed),
    session_states_after AS (SELECT (after).* FROM changed)"""

# A session's active time only ever grows, so a person's day is the union of what its sessions gained.
ACTIVE_DELTAS = """
    active_gained AS (
        SELECT (after).project_id, (after).user_id,
               without_gap((after).active_ranges, %(idle_gap)s) - without_gap((before).active_ranges, %(idle_gap)s) AS ranges
        FROM changed WHERE (after).active_ranges <> (before).active_ranges
    ),
    rolled_active_days AS (
        INSERT INTO active_days (project_id, user_id, day, ranges)
        SELECT k.project_id, g.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date, range_agg(c.piece)
        FROM active_gained AS g, cut_at_buckets(g.ranges, 1440) AS c, LATERAL (VALUES (g.project_id), (-1)) AS k (project_id)
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (project_id, user_id, day) DO UPDATE SET ranges = active_days.ranges + excluded.ranges
        RETURNING new.project_id, new.user_id, new.ranges - coalesce(old.ranges, '{}') AS gained
    ),
    active_deltas AS (
        SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
        FROM rolled_active_days, cut_at_buckets(gained, 15) AS c GROUP BY 1, 2, 3
    )"""
