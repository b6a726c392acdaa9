-- name: stored_calls
UPDATE staged_tool_calls AS s SET session_id = t.session_id, tool_name = t.tool_name, occurred_at = t.occurred_at,
    $as_stored
FROM tool_calls AS t
WHERE t.id = s.id AND s.source = 'signal' AND NOT coalesce(0 >= ANY(t.brought_by), true)

-- name: is_of_call
-- A signal g is of the session of a staged call s, and did not come by the key of another user than the session's. If the session begins with
-- this batch, its facts name its user.
g.tool_call_id = s.id AND $is_of_session

-- name: is_of_session
g.session_id = s.session_id
AND (g.bound_user IS NULL OR is_file_of(g.bound_user, coalesce(
    (SELECT nullif(o.user_id, 0) FROM sessions AS o WHERE o.session_id = s.session_id),
    (SELECT coalesce(u.alias_of, u.id) FROM staged_session_facts AS f JOIN users AS u ON u.name = f.user_name
     WHERE f.session_id = s.session_id ORDER BY f.first_record_at LIMIT 1))))

-- name: durations_of_signals
-- The duration without the wait for permission, as hooks report it (hook_rows.sql): of two that are reported, the longer counts.
-- A call that goes on in the background has no duration.
UPDATE staged_tool_calls AS s SET duration_source = 'reported',
    duration_ms = CASE WHEN s.duration_source = 'reported' THEN greatest(s.duration_ms, d.duration_ms) ELSE d.duration_ms END,
    wait_ms = CASE
        WHEN s.duration_source = 'timestamps' THEN greatest(s.duration_ms - d.duration_ms, 0)
        WHEN s.duration_ms + s.wait_ms IS NOT NULL THEN greatest(s.duration_ms + s.wait_ms - greatest(s.duration_ms, d.duration_ms), 0) END
FROM (
    SELECT s.id, max((g.attributes ->> 'duration_ms')::bigint) AS duration_ms
    FROM staged_tool_calls AS s JOIN signals AS g ON $is_of_call
    WHERE g.name = %(tool_result)s GROUP BY s.id
) AS d
WHERE d.id = s.id AND s.status <> 'pending' AND s.duration_ms IS NOT NULL AND d.duration_ms IS NOT NULL

-- name: refusals_of_signals
-- A call without a result that a person, a rule or a hook refused. A result says more, and is better than this version (row_tables.py).
-- Its class is that of a text that says so (error_classes.toml).
UPDATE staged_tool_calls AS s SET status = 'rejected',
    error_class = CASE WHEN r.source = 'hook' THEN 'hook_blocked' WHEN starts_with(r.source, 'user') THEN 'rejected' ELSE 'permission' END
FROM (
    SELECT DISTINCT ON (s.id) s.id, coalesce(g.attributes ->> 'source', '') AS source FROM staged_tool_calls AS s JOIN signals AS g ON $is_of_call
    WHERE g.name = %(tool_decision)s AND g.attributes ->> 'decision' = 'reject'
    ORDER BY s.id, g.occurred_at DESC, g.attributes ->> 'source' COLLATE "C" DESC
) AS r
WHERE r.id = s.id AND s.status = 'pending'

-- name: decisions_of_signals
-- Sources of decisions, where the transcript does not name them. A call may be asked about twice: the last counts.
UPDATE staged_tool_calls AS s SET decision = d.decision, decision_source = d.source, decision_told_by = 'telemetry', decided_at = d.occurred_at
FROM (
    SELECT DISTINCT ON (id) id, decision, source, occurred_at FROM (
        SELECT s.id, g.occurred_at,
            CASE WHEN g.attributes ->> 'decision' = ANY(%(decisions)s::text[]) THEN g.attributes ->> 'decision' ELSE 'other' END AS decision,
            CASE WHEN g.attributes ->> 'source' = ANY(%(sources)s::text[]) THEN g.attributes ->> 'source' ELSE 'other' END AS source
        FROM staged_tool_calls AS s JOIN signals AS g ON $is_of_call
        WHERE g.name = %(tool_decision)s
    ) AS told
    -- In the order of versions of a row (row_tables.py).
    ORDER BY id, occurred_at DESC, decision COLLATE "C" DESC, source COLLATE "C" DESC
) AS d
WHERE d.id = s.id AND s.decision_told_by IS DISTINCT FROM 'transcript'

-- name: waits_of_signals
-- How long a person was asked, all times together. The span of a wait does not always name its call: it is the span in which the decision was written.
-- The name is written out, as an index has it.
UPDATE staged_tool_calls AS s SET decision_wait_ms = w.wait_ms
FROM (
    SELECT s.id, sum((g.attributes ->> 'duration_ms')::bigint)::bigint AS wait_ms
    FROM (SELECT DISTINCT id, session_id FROM staged_tool_calls) AS s
    JOIN signals AS g ON g.name = '$wait' AND $is_of_session
    WHERE g.tool_call_id = s.id OR g.tool_call_id IS NULL AND EXISTS (
        SELECT FROM signals AS d
        WHERE d.tool_call_id = s.id AND d.session_id = s.session_id AND d.name = %(tool_decision)s
          AND d.attributes ->> 'span_id' = g.attributes ->> 'span_id')
    GROUP BY s.id
) AS w
WHERE w.id = s.id
