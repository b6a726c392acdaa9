-- name: update_keys
-- The earliest start that names a key decides, whatever the order of arrival; without one, the earliest record of a file; else what is known stays.
-- Values of hooks count where no file has them.
-- Starts and facts name the project of a path. The session counts under the project that this one is part of (docs/adr/0089).
UPDATE sessions AS s SET project_id = k.project_id, path_project_id = k.path_project_id, user_id = k.user_id, model = k.model, git_branch = k.git_branch,
       client_version = k.client_version, source = k.source, parent_session_id = k.parent_session_id, end_reason = k.end_reason
FROM (
    SELECT s.session_id,
           coalesce(w.merged_into, n.project_id) AS project_id,
           CASE WHEN w.merged_into IS NOT NULL THEN n.project_id END AS path_project_id,
           coalesce(k.user_id, f.user_id, nullif(s.user_id, 0), 0) AS user_id,
           coalesce(k.model, f.model, s.model) AS model,
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
    CROSS JOIN LATERAL (
        SELECT coalesce(k.project_id, f.project_id, nullif(coalesce(s.path_project_id, s.project_id), 0), 0) AS project_id
    ) AS n
    LEFT JOIN projects AS w ON w.id = n.project_id
    WHERE s.session_id = ANY(%(session_ids)s)
) AS k WHERE s.session_id = k.session_id
RETURNING s.session_id, (old.project_id, old.user_id) <> (new.project_id, new.user_id) AS is_moved, s.counted AS is_counted

-- name: move_rows
UPDATE $table AS t SET project_id = s.project_id, user_id = s.user_id FROM sessions AS s
WHERE (t.id = ANY(%(row_ids)s::uuid[]) OR t.session_id = ANY(%(whole_ids)s::text[])) AND t.session_id = s.session_id
  AND (t.project_id, t.user_id) <> (s.project_id, s.user_id)

-- name: move_beside
UPDATE $table AS t SET project_id = s.project_id FROM sessions AS s
WHERE s.session_id = ANY(%(session_ids)s) AND t.session_id = s.session_id AND t.project_id <> s.project_id
