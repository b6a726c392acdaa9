-- name: signals
SELECT g.id, g.kind, g.name, g.occurred_at AS timestamp, g.tool_call_id, g.value, g.started_at, g.is_cumulative, g.attributes
FROM signals AS g LEFT JOIN sessions AS s ON s.session_id = g.session_id
WHERE g.session_id = %(session_id)s AND is_file_of(g.bound_user, s.user_id)
  AND (%(name)s::text IS NULL OR g.name = %(name)s)
  AND (%(after_time)s::timestamptz IS NULL OR (g.occurred_at, g.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid))
ORDER BY g.occurred_at, g.id LIMIT %(fetch)s

-- name: summary
-- The greatest point of each series of a cumulative metric counts; all points of others do.
WITH own AS (
    SELECT g.* FROM signals AS g LEFT JOIN sessions AS s ON s.session_id = g.session_id
    WHERE g.session_id = %(session_id)s AND is_file_of(g.bound_user, s.user_id)
),
series AS (
    SELECT name, attributes ->> 'type' AS type, CASE WHEN is_cumulative THEN max(value) ELSE sum(value) END AS value
    FROM own WHERE kind = 'metric' GROUP BY name, attributes, is_cumulative, CASE WHEN is_cumulative THEN started_at END
),
counted AS (
    SELECT sum(value) FILTER (WHERE name = 'commit.count') AS commits_counted,
        sum(value) FILTER (WHERE name = 'pull_request.count') AS pull_requests_counted,
        sum(value) FILTER (WHERE name = 'lines_of_code.count' AND type = 'added') AS lines_added_counted,
        sum(value) FILTER (WHERE name = 'lines_of_code.count' AND type = 'removed') AS lines_removed_counted,
        sum(value) FILTER (WHERE name = 'cost.usage') AS cost_usd_counted,
        sum(value) FILTER (WHERE name = 'active_time.total') AS active_seconds_counted
    FROM series
),
-- A call may be asked about twice: the last decision counts.
decisions AS (
    SELECT DISTINCT ON (coalesce(tool_call_id, id)) attributes ->> 'decision' AS decision, attributes ->> 'source' AS source
    FROM own WHERE name = 'tool_decision' ORDER BY coalesce(tool_call_id, id), occurred_at DESC, id
)
SELECT own.*, counted.* FROM counted, (
    SELECT count(*) AS signals, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
        count(*) FILTER (WHERE name = 'api_request') AS api_requests,
        sum((attributes ->> 'cost_usd')::float8) FILTER (WHERE name = 'api_request') AS api_cost_usd,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY (attributes ->> 'ttft_ms')::float8) FILTER (WHERE name = 'api_request') AS median_ttft_ms,
        max((attributes ->> 'ttft_ms')::bigint) FILTER (WHERE name = 'api_request') AS max_ttft_ms,
        count(*) FILTER (WHERE name = 'api_error') AS api_errors,
        coalesce(sum(greatest((attributes ->> 'attempt')::bigint - 1, 0)) FILTER (WHERE name IN ('api_request', 'api_error')), 0)::bigint AS api_retries,
        count(*) FILTER (WHERE name = 'api_retries_exhausted') AS retries_exhausted,
        (SELECT count(*) FROM decisions WHERE decision = 'accept') AS accepted_calls,
        (SELECT count(*) FROM decisions WHERE decision = 'reject') AS rejected_calls,
        (SELECT count(*) FROM decisions WHERE decision = 'reject' AND starts_with(source, 'user')) AS rejected_by_user,
        count(*) FILTER (WHERE name = 'tool.blocked_on_user') AS permission_waits,
        coalesce(sum((attributes ->> 'duration_ms')::bigint) FILTER (WHERE name = 'tool.blocked_on_user'), 0)::bigint AS permission_wait_ms,
        count(*) FILTER (WHERE name = 'compaction') AS compactions,
        coalesce(sum((attributes ->> 'num_hooks')::bigint) FILTER (WHERE name = 'hook_execution_complete'), 0)::bigint AS hook_runs,
        coalesce(sum((attributes ->> 'total_duration_ms')::bigint) FILTER (WHERE name = 'hook_execution_complete'), 0)::bigint AS hook_ms,
        count(*) FILTER (WHERE name = 'mcp_server_connection' AND attributes ->> 'status' = 'connected') AS mcp_connections,
        count(*) FILTER (WHERE name = 'mcp_server_connection' AND attributes ->> 'status' = 'failed') AS mcp_failures
    FROM own
) AS own

-- name: commits
SELECT g.attributes ->> 'commit' AS revision, g.attributes ->> 'branch' AS branch, g.occurred_at AS timestamp, g.tool_call_id
FROM signals AS g LEFT JOIN sessions AS s ON s.session_id = g.session_id
WHERE g.session_id = %(session_id)s AND is_file_of(g.bound_user, s.user_id) AND g.attributes ? 'commit'
ORDER BY g.occurred_at, g.id LIMIT 100

-- name: of_call
-- Facts of one call that only telemetry has.
SELECT max(g.attributes ->> 'commit') AS commit, max(g.attributes ->> 'branch') AS branch
FROM signals AS g LEFT JOIN sessions AS s ON s.session_id = g.session_id
WHERE g.tool_call_id = %(id)s AND g.session_id = %(session_id)s AND is_file_of(g.bound_user, s.user_id)
