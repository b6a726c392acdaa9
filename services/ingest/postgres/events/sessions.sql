-- name: find
-- Also of a session that has not moved yet, the project under which it counts from now on.
SELECT s.session_id, coalesce(p.merged_into, p.id, s.project_id) AS project_id, s.started_at, coalesce(o.name, u.name) AS user_name
FROM sessions AS s LEFT JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id) LEFT JOIN users AS u ON u.id = s.user_id LEFT JOIN users AS o ON o.id = u.alias_of
WHERE s.session_id = ANY(%(session_ids)s)

-- name: ensure_project
-- A session that has a project keeps it, so a project is made only for one that has none.
INSERT INTO projects (path, name)
SELECT %(path)s, %(name)s
WHERE NOT EXISTS (SELECT FROM sessions WHERE session_id = %(session_id)s AND project_id <> 0)
  AND NOT EXISTS (SELECT FROM projects WHERE path_key = md5(%(path)s)::uuid)
ON CONFLICT DO NOTHING

-- name: ensure_session
-- Checked before: ON CONFLICT alone would wait for a worker that is changing the row, as long as that takes.
INSERT INTO sessions (session_id, project_id, path_project_id)
SELECT %(session_id)s, coalesce(merged_into, id), CASE WHEN merged_into IS NOT NULL THEN id END FROM projects
WHERE path_key = md5(%(path)s)::uuid AND NOT EXISTS (SELECT FROM sessions WHERE session_id = %(session_id)s)
ON CONFLICT DO NOTHING

-- name: registered
-- Its path is the one that it named, also if that is part of another project.
-- project_id 0: the session came in events or an import before its start. The worker moves it when it applies the start.
SELECT coalesce(p.merged_into, p.id) AS project_id, p.path AS project_path, s.started_at
FROM sessions AS s
JOIN projects AS p ON CASE WHEN s.project_id = 0 THEN p.path_key = md5(%(path)s)::uuid ELSE p.id = coalesce(s.path_project_id, s.project_id) END
WHERE s.session_id = %(session_id)s

-- name: project_of
SELECT coalesce(p.merged_into, p.id) AS project_id
FROM (SELECT 1) AS one
LEFT JOIN sessions AS s ON s.session_id = %(session_id)s AND s.project_id <> 0
JOIN projects AS p ON CASE WHEN s.project_id IS NULL THEN p.path_key = md5(%(path)s)::uuid ELSE p.id = coalesce(s.path_project_id, s.project_id) END

-- name: open
-- The sessions that the worker knows to be open, and those whose start is still in the journal. Live ones only: a session in an imported file is
-- over, though nothing says when it ended. A start gives its session a project at once; an import's rows do not.
(SELECT s.session_id, true AS applied
 FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
 WHERE $is_open AND s.seen_live
   AND (%(user_name)s::text IS NULL OR coalesce(u.alias_of, u.id) = (SELECT person_of(%(user_name)s)))
   AND (%(project_ids)s::bigint[] IS NULL OR s.project_id = ANY(%(project_ids)s))
 LIMIT 2)
UNION ALL
(SELECT session_id, false FROM sessions
 WHERE NOT counted AND project_id <> 0 AND created_at > clock_timestamp() - interval '1 minute'
   AND (%(project_ids)s::bigint[] IS NULL OR project_id = ANY(%(project_ids)s))
 LIMIT 20)
