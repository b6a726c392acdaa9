-- name: due
SELECT s.session_id, s.project_id, pg_column_size(s.*)::bigint + (
    SELECT coalesce(sum(g.stored_bytes), 0) FROM transcript_segments AS g JOIN transcript_files AS f ON f.id = g.file_id
    WHERE f.session_id = s.session_id)::bigint AS bytes
FROM sessions AS s
WHERE s.session_id > %(after)s AND s.counted AND $is_old
  AND NOT EXISTS (SELECT FROM dropping_sessions AS d WHERE d.session_id = s.session_id)
  AND NOT EXISTS (
    SELECT FROM (
        $family
    ) AS shared JOIN sessions AS s USING (session_id)
    WHERE s.counted AND ($family_is_old) IS NOT TRUE)
ORDER BY s.session_id LIMIT %(limit)s

-- name: families
SELECT DISTINCT f.session_id FROM unnest(%(session_ids)s::text[]) AS s (session_id), LATERAL (
    $family
) AS f JOIN sessions AS known USING (session_id)
WHERE NOT EXISTS (SELECT FROM dropping_sessions AS d WHERE d.session_id = f.session_id)

-- name: still_old
SELECT s.session_id, s.project_id, pg_column_size(s.*)::bigint + (
    SELECT coalesce(sum(g.stored_bytes), 0) FROM transcript_segments AS g JOIN transcript_files AS f ON f.id = g.file_id
    WHERE f.session_id = s.session_id)::bigint AS bytes
FROM sessions AS s
WHERE s.session_id = ANY(%(session_ids)s) AND s.counted AND $is_old
  AND NOT EXISTS (
    SELECT FROM (
        $family
    ) AS shared JOIN sessions AS s USING (session_id)
    WHERE s.counted AND ($family_is_old) IS NOT TRUE)

-- name: begin
INSERT INTO dropping_sessions (session_id, run_id) SELECT session_id, %(run_id)s FROM unnest(%(session_ids)s::text[]) AS b (session_id)

-- name: rows
SELECT t.project_id, pg_column_size(t.*)::bigint AS size FROM $table AS t WHERE session_id = ANY(%(session_ids)s)

-- name: count
-- The number of rows that the sessions have, by project, and their bytes.
SELECT project_id, count(*) AS rows, sum(size)::bigint AS bytes FROM (
    $rows
) AS rows GROUP BY project_id

-- name: keep_activity
INSERT INTO base_activity_rollups (project_id, path_project_id, user_id, bucket_start, sessions, wall_us, user_messages, assistant_messages, lines_added,
    lines_removed, tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls,
    cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
SELECT q.project_id, s.path_project_id, q.user_id, q.bucket_start, q.sessions, q.wall_us, q.user_messages, q.assistant_messages, q.lines_added,
    q.lines_removed, q.tool_calls, q.tool_errors, q.input_tokens, q.output_tokens, q.cache_creation_tokens, q.cache_read_tokens, q.cost_nano_usd,
    q.api_calls, q.unpriced_calls, q.cache_priced_calls, q.uncached_nano_usd, q.cache_saved_nano_usd
FROM session_quarters AS q JOIN sessions AS s USING (session_id) WHERE session_id = ANY(%(session_ids)s)

-- name: drop_tool_calls
-- By quarter of an hour and bucket of latency first, as tool_rollups has them.
WITH gone AS (
    DELETE FROM tool_calls WHERE session_id = ANY(%(session_ids)s)
    RETURNING session_id, project_id, user_id, tool_name, bucket_of(occurred_at, 15) AS at, occurred_at, latency_bucket(duration_ms) AS bucket, status,
        coalesce(error_class, '') AS error_class, duration_ms, duration_source = 'reported' AS is_measured, wait_ms
),
failed AS (
    INSERT INTO base_error_rollups (project_id, path_project_id, user_id, bucket_start, tool_name, error_class, calls)
    SELECT g.project_id, s.path_project_id, g.user_id, bucket_of(g.at, 1440), g.tool_name, g.error_class, count(*)
    FROM gone AS g JOIN sessions AS s USING (session_id) WHERE g.status NOT IN ('success', 'pending') GROUP BY 1, 2, 3, 4, 5, 6
),
by_latency AS (
    SELECT g.project_id, s.path_project_id, g.user_id, g.tool_name, g.at, g.bucket, count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
        count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
        count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0) AS duration_ms, count(duration_ms) FILTER (WHERE is_measured) AS measured_calls,
        coalesce(sum(duration_ms) FILTER (WHERE is_measured), 0) AS measured_ms, count(wait_ms) AS waited_calls, coalesce(sum(wait_ms), 0) AS waited_ms,
        max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE is_measured) AS max_measured_ms, max(occurred_at) AS last_used_at
    FROM gone AS g JOIN sessions AS s USING (session_id) GROUP BY 1, 2, 3, 4, 5, 6
)
INSERT INTO base_tool_rollups (project_id, path_project_id, user_id, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
    measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at, times, measured_times, calls_by_quarter, errors_by_quarter)
SELECT project_id, path_project_id, user_id, bucket_of(at, 1440), tool_name, sum(calls), sum(success), sum(errors), sum(rejected), sum(timed_calls),
    sum(duration_ms), sum(measured_calls), sum(measured_ms), sum(waited_calls), sum(waited_ms), max(max_ms), max(max_measured_ms), max(last_used_at),
    coalesce(sum(placed(timed_calls, bucket + 1, 8)), 0), coalesce(sum(placed(measured_calls, bucket + 1, 8)), 0),
    coalesce(sum(placed(calls, quarter_of_week(at), 8)), 0), coalesce(sum(placed(errors, quarter_of_week(at), 8)), 0)
FROM by_latency GROUP BY 1, 2, 3, 4, 5

-- name: drop_activities
WITH gone AS (
    DELETE FROM activities WHERE session_id = ANY(%(session_ids)s) RETURNING session_id, project_id, occurred_at, file_key, lines_added, lines_removed
)
INSERT INTO base_file_rollups (project_id, path_project_id, bucket_start, file_key, touches, lines_added, lines_removed)
SELECT g.project_id, s.path_project_id, bucket_of(g.occurred_at, 15), g.file_key, count(*), sum(g.lines_added), sum(g.lines_removed)
FROM gone AS g JOIN sessions AS s USING (session_id) GROUP BY 1, 2, 3, 4

-- name: drop_api_calls
WITH gone AS (DELETE FROM api_calls WHERE session_id = ANY(%(session_ids)s) RETURNING *)
INSERT INTO base_usage_rollups (project_id, path_project_id, user_id, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
SELECT g.project_id, s.path_project_id, g.user_id, bucket_of(g.occurred_at, 1440), coalesce(g.model, ''), sum(g.input_tokens), sum(g.output_tokens),
    sum(g.cache_write_5m_tokens + g.cache_write_1h_tokens), sum(g.cache_read_tokens), coalesce(sum(g.cost_nano_usd), 0), count(*),
    count(*) FILTER (WHERE g.cost_nano_usd IS NULL), count(g.cache_saved_nano_usd), coalesce(sum(g.uncached_nano_usd), 0),
    coalesce(sum(g.cache_saved_nano_usd), 0)
FROM gone AS g JOIN sessions AS s USING (session_id) GROUP BY 1, 2, 3, 4, 5

-- name: drop_session
-- When each began stays, and when people were active; tokens, if only a snapshot knew them.
WITH gone AS (DELETE FROM sessions WHERE session_id = ANY(%(session_ids)s) RETURNING *),
usage AS (
    INSERT INTO base_usage_rollups (project_id, path_project_id, user_id, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens,
        cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
    SELECT project_id, path_project_id, user_id, bucket_of(dated_at, 1440), coalesce(model, ''), input_tokens, output_tokens, cache_creation_tokens,
        cache_read_tokens, coalesce(cost_nano_usd, 0), 0, 0, 0, 0, 0
    FROM gone WHERE counted AND usage_from_snapshot
)
INSERT INTO base_sessions (project_id, path_project_id, user_id, dated_at, last_event_at, active_ranges)
SELECT project_id, path_project_id, user_id, dated_at, last_event_at, active_ranges FROM gone WHERE counted
