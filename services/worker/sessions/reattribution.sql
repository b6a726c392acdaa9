-- name: keys
-- The earliest start that names a key decides, whatever the order of arrival; without one, the earliest record of a file; else what is known stays.
-- Values of hooks count where no file has them.
-- $known is the session itself, or `nothing` to forget what only the session knows.
-- Starts and facts name the project of a path. The session counts under the project that this one is part of (docs/adr/0089).
SELECT s.session_id, s.counted,
       coalesce(w.merged_into, n.project_id) AS project_id,
       CASE WHEN w.merged_into IS NOT NULL THEN n.project_id END AS path_project_id,
       coalesce(k.user_id, f.user_id, nullif($known.user_id, 0), 0) AS user_id,
       coalesce(k.model, f.model, $known.model) AS model,
       coalesce(k.git_branch, f.git_branch, s.git_branch) AS git_branch,
       coalesce(k.client_version, f.client_version, s.client_version) AS client_version,
       coalesce(k.source, f.source, s.source) AS source,
       f.parent_session_id, f.end_reason
FROM sessions AS s
LEFT JOIN (
    SELECT session_id,
           (array_agg(project_id ORDER BY occurred_at, id) FILTER (WHERE project_id <> 0))[1] AS project_id,
           (array_agg(user_id ORDER BY occurred_at, id) FILTER (WHERE user_id <> 0))[1] AS user_id,
           (array_agg(model ORDER BY occurred_at, id) FILTER (WHERE model IS NOT NULL))[1] AS model,
           (array_agg(git_branch ORDER BY occurred_at, id) FILTER (WHERE git_branch IS NOT NULL))[1] AS git_branch,
           (array_agg(client_version ORDER BY occurred_at, id) FILTER (WHERE client_version IS NOT NULL))[1] AS client_version,
           (array_agg(source ORDER BY occurred_at, id) FILTER (WHERE source IS NOT NULL))[1] AS source
    FROM session_events WHERE kind = 'start' AND session_id = ANY(%(session_ids)s) GROUP BY session_id
) AS k USING (session_id)
LEFT JOIN (
    SELECT session_id,
           (array_agg(project_id ORDER BY is_hook, at, source, id) FILTER (WHERE project_id <> 0))[1] AS project_id,
           (array_agg(user_id ORDER BY is_hook, at, source, id) FILTER (WHERE user_id <> 0))[1] AS user_id,
           (array_agg(model ORDER BY is_hook, at, source, id) FILTER (WHERE model IS NOT NULL))[1] AS model,
           (array_agg(git_branch ORDER BY is_hook, at, source, id) FILTER (WHERE git_branch IS NOT NULL))[1] AS git_branch,
           (array_agg(client_version ORDER BY is_hook, at, source, id) FILTER (WHERE client_version IS NOT NULL))[1] AS client_version,
           (array_agg(source ORDER BY is_hook, at, source, id))[1] AS source,
           (array_agg(parent_session_id ORDER BY is_hook, at, source, id) FILTER (WHERE parent_session_id IS NOT NULL))[1] AS parent_session_id,
           (array_agg(end_reason ORDER BY ended_at DESC, end_reason) FILTER (WHERE end_reason IS NOT NULL))[1] AS end_reason
    FROM (SELECT *, coalesce(first_record_at, ended_at) AS at, source = 'hook' AS is_hook
          FROM session_facts WHERE session_id = ANY(%(session_ids)s)) AS facts
    GROUP BY session_id
) AS f USING (session_id)
CROSS JOIN (SELECT 0::bigint AS project_id, NULL::bigint AS path_project_id, 0::bigint AS user_id, NULL::text AS model) AS nothing
CROSS JOIN LATERAL (
    SELECT coalesce(k.project_id, f.project_id, nullif(coalesce($known.path_project_id, $known.project_id), 0), 0) AS project_id
) AS n
LEFT JOIN projects AS w ON w.id = n.project_id
WHERE s.session_id = ANY(%(session_ids)s)

-- name: sessions_to_move
-- The model is a key only where a session counts for tokens itself.
SELECT array_agg(k.session_id)
FROM (
    $keys
) AS k JOIN sessions AS s USING (session_id)
WHERE k.counted AND ((k.project_id, k.user_id) <> (s.project_id, s.user_id) OR s.usage_from_snapshot AND k.model IS DISTINCT FROM s.model)

-- name: update_keys
UPDATE sessions AS s SET project_id = k.project_id, path_project_id = k.path_project_id, user_id = k.user_id, model = k.model, git_branch = k.git_branch,
       client_version = k.client_version, source = k.source, parent_session_id = k.parent_session_id, end_reason = k.end_reason
FROM (
    $keys
) AS k WHERE s.session_id = k.session_id

-- name: moving_rows
-- The sessions always; their rows only where they change, which is all of them where the session's keys change.
$relation AS (
    SELECT $columns
    FROM $table WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))
)

-- name: move_rows
UPDATE $table AS t SET project_id = s.project_id, user_id = s.user_id FROM sessions AS s
WHERE (t.id = ANY(%(row_ids)s::uuid[]) OR t.session_id = ANY(%(whole_ids)s)) AND t.session_id = s.session_id
  AND (t.project_id, t.user_id) <> (s.project_id, s.user_id)

-- name: move_rows_of_uncounted
-- Rows that count for nothing do not make their session count, so it is not among those that move.
UPDATE $table AS t SET project_id = s.project_id, user_id = s.user_id FROM sessions AS s
WHERE s.session_id = ANY(%(session_ids)s) AND NOT s.counted AND t.session_id = s.session_id
  AND (t.project_id, t.user_id) <> (s.project_id, s.user_id)

-- name: move_beside
UPDATE $table AS t SET project_id = s.project_id FROM sessions AS s
WHERE s.session_id = ANY(%(session_ids)s) AND t.session_id = s.session_id AND t.project_id <> s.project_id

-- name: keep_tools
INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms, duration_source)
SELECT project_id, user_id, tool_name, occurred_at, duration_ms, duration_source FROM tool_calls
WHERE (id = ANY(%(row_ids)s::uuid[]) OR session_id = ANY(%(whole_ids)s))

-- name: keep_sessions
-- Only the days in which a session's active time changes are made again, under the old keys and the new.
INSERT INTO moving_sessions (session_id, project_id, user_id, ranges)
SELECT session_id, project_id, user_id, CASE WHEN counted THEN without_gap(active_ranges, %(idle_gap)s) ELSE '{}' END AS ranges
FROM sessions WHERE session_id = ANY(%(session_ids)s)

-- name: keep_days
WITH after AS (
    SELECT session_id, project_id, user_id, CASE WHEN counted THEN without_gap(active_ranges, %(idle_gap)s) ELSE '{}' END AS ranges
    FROM sessions WHERE session_id = ANY(%(session_ids)s)
)
INSERT INTO moving_days (project_id, user_id, day)
SELECT DISTINCT k.project_id, d.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
FROM (
    SELECT b.project_id, b.user_id, b.ranges - coalesce(a.ranges, '{}') AS ranges
    FROM moving_sessions AS b LEFT JOIN after AS a USING (session_id, project_id, user_id)
    UNION ALL
    SELECT a.project_id, a.user_id, a.ranges - coalesce(b.ranges, '{}')
    FROM after AS a LEFT JOIN moving_sessions AS b USING (session_id, project_id, user_id)
) AS d, cut_at_buckets(d.ranges, 1440) AS c, LATERAL (VALUES (d.project_id), (-1)) AS k (project_id)

-- name: insert_days
-- A union cannot be subtracted from, so the days are made again from the sessions. First every row is made and locked, so that no row is overlooked
-- that another transaction is just adding to.
INSERT INTO active_days (project_id, user_id, day, ranges) SELECT DISTINCT project_id, user_id, day, '{}'::tstzmultirange FROM moving_days ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING

-- name: lock_days
SELECT FROM active_days WHERE (project_id, user_id, day) IN (SELECT project_id, user_id, day FROM moving_days)
ORDER BY project_id, user_id, day FOR UPDATE

-- name: rebuild_days
WITH rebuilt AS (
    UPDATE active_days AS d SET ranges = coalesce((
        SELECT range_agg(without_gap(s.active_ranges, %(idle_gap)s) * tstzmultirange(b.day))
        FROM sessions AS s
        WHERE s.counted AND s.user_id = d.user_id AND (d.project_id = -1 OR s.project_id = d.project_id)
          AND s.dated_at < upper(b.day) AND s.last_event_at >= lower(b.day) AND s.active_ranges && b.day), '{}')
        + coalesce((
        SELECT range_agg(without_gap(s.active_ranges, %(idle_gap)s) * tstzmultirange(b.day))
        FROM base_sessions AS s
        WHERE s.user_id = d.user_id AND (d.project_id = -1 OR s.project_id = d.project_id)
          AND s.dated_at < upper(b.day) AND s.last_event_at >= lower(b.day) AND s.active_ranges && b.day), '{}')
    FROM (SELECT DISTINCT project_id, user_id, day AS date, tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC') AS day
          FROM moving_days) AS b
    WHERE (d.project_id, d.user_id, d.day) = (b.project_id, b.user_id, b.date)
    RETURNING new.project_id, new.user_id, old.ranges AS before, new.ranges AS after
),
active_deltas AS (
    SELECT project_id, user_id, c.bucket_start, sum(sign * microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
    FROM (SELECT project_id, user_id, 1 AS sign, after - before AS ranges FROM rebuilt
          UNION ALL SELECT project_id, user_id, -1, before - after FROM rebuilt) AS moved, cut_at_buckets(ranges, 15) AS c
    GROUP BY 1, 2, 3
),
$rollups

-- name: delete_empty_days
DELETE FROM active_days AS d USING (SELECT DISTINCT project_id, user_id, day FROM moving_days) AS m
WHERE (d.project_id, d.user_id, d.day) = (m.project_id, m.user_id, m.day) AND isempty(d.ranges)
