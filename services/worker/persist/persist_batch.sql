-- name: insert_projects
-- brought_by is NULL for what came over the wire (job_number 0).
INSERT INTO projects (path, name, brought_by, is_named)
SELECT path, name, CASE WHEN %(job_number)s > 0 THEN ARRAY[%(job_number)s] END, is_named FROM staged_projects AS s
WHERE NOT EXISTS (SELECT FROM projects AS p WHERE p.path_key = md5(s.path)::uuid) ORDER BY path
ON CONFLICT (path_key) DO NOTHING RETURNING id

-- name: insert_places
-- Places of folders from a claude.json. The rules are applied later (services/worker/maintenance/join_projects.py).
INSERT INTO project_places AS p (told_by, path, remote)
SELECT DISTINCT ON (path) 'import:' || %(job_number)s, path, remote FROM staged_places ORDER BY path, remote
ON CONFLICT (told_by, path_key) DO NOTHING

-- name: projects_to_mark
SELECT DISTINCT p.id FROM projects AS p, staged_projects AS s
WHERE p.path_key = md5(s.path)::uuid AND (NOT %(job_number)s = ANY(coalesce(p.brought_by, '{0}')) OR s.is_named AND NOT p.is_named)

-- name: mark_projects
UPDATE projects AS p SET brought_by = brought_too(p.brought_by, %(job_number)s), is_named = p.is_named OR s.is_named
FROM staged_projects AS s
WHERE p.path_key = md5(s.path)::uuid AND (NOT %(job_number)s = ANY(coalesce(p.brought_by, '{0}')) OR s.is_named AND NOT p.is_named)

-- name: insert_users
INSERT INTO users (name)
SELECT name FROM staged_users AS s WHERE NOT EXISTS (SELECT FROM users AS u WHERE u.name = s.name) ORDER BY name
ON CONFLICT (name) DO NOTHING

-- name: insert_files
INSERT INTO files (file_key, file_path)
SELECT DISTINCT file_key, file_path FROM staged_activities AS s
WHERE NOT EXISTS (SELECT FROM files AS f WHERE f.file_key = s.file_key) ORDER BY file_key
ON CONFLICT (file_key) DO NOTHING

-- name: insert_sessions
-- Events from the wire make sessions live: only live ones take tool calls that name no session (services/ingest/events/write_event.py).
INSERT INTO sessions (session_id, seen_live)
SELECT session_id, %(job_number)s = 0 FROM unnest(%(session_ids)s::text[]) AS s (session_id) ORDER BY session_id
ON CONFLICT (session_id) DO UPDATE SET seen_live = true WHERE excluded.seen_live AND NOT sessions.seen_live

-- name: insert_session_events
-- An export of another tracker brings some; all others came over the wire.
INSERT INTO session_events AS t (id, session_id, kind, occurred_at, project_id, user_id, model, git_branch, client_version, source, brought_by, received_at)
SELECT DISTINCT ON (s.id) s.id, session_id, kind, occurred_at, coalesce(p.id, 0), coalesce(u.alias_of, u.id, 0), model, git_branch, client_version, source,
       CASE WHEN %(job_number)s > 0 THEN ARRAY[%(job_number)s] END, received_at
FROM staged_session_events AS s
LEFT JOIN projects AS p ON p.path_key = md5(s.project_path)::uuid
LEFT JOIN users AS u ON u.name = s.user_name
ORDER BY s.id, s.ctid
ON CONFLICT (id) DO UPDATE SET brought_by = brought_too(t.brought_by, %(job_number)s)
WHERE NOT %(job_number)s = ANY(coalesce(t.brought_by, '{0}'))
RETURNING id, old.id IS NULL AS is_new

-- name: insert_facts
INSERT INTO session_facts AS t (id, session_id, project_id, user_id, first_record_at, last_record_at, active_ranges, ended_at, title, title_rank,
                                parent_session_id, model, git_branch, client_version, source, numbers, end_reason, brought_by, received_at, client_costs)
SELECT DISTINCT ON (s.id) s.id, session_id, coalesce(p.id, 0), coalesce(u.alias_of, u.id, 0), first_record_at, last_record_at, active_ranges, ended_at, title,
       title_rank, parent_session_id, model, git_branch, client_version, source, numbers, end_reason,
       CASE WHEN %(job_number)s > 0 THEN ARRAY[%(job_number)s] END, received_at, client_costs
FROM staged_session_facts AS s
LEFT JOIN projects AS p ON p.path_key = md5(s.project_path)::uuid
LEFT JOIN users AS u ON u.name = s.user_name
ORDER BY s.id
ON CONFLICT (id) DO UPDATE SET brought_by = brought_too(t.brought_by, %(job_number)s)
RETURNING id, old.id IS NULL AS is_new

-- name: lower_snapshots
-- Cost, tokens and lines that a file said before its first API call go with its newer facts (session_facts.py). The session's new state
-- takes their counts back.
UPDATE sessions AS s SET snapshot = n.snapshot
FROM (
    SELECT session_id, (
        SELECT jsonb_object_agg(key, n)
        FROM (SELECT key, max(value::bigint) AS n
              FROM session_facts AS f, jsonb_each_text(f.numbers) WHERE f.session_id = b.session_id GROUP BY key) AS greatest
    ) AS snapshot
    FROM unnest(%(session_ids)s::text[]) AS b (session_id)
) AS n
WHERE n.session_id = s.session_id AND s.snapshot IS NOT NULL AND greatest_of_each(s.snapshot, n.snapshot) IS DISTINCT FROM n.snapshot

-- name: insert_import_sessions
INSERT INTO import_sessions (job_number, session_id)
SELECT %(job_number)s, session_id FROM unnest(%(session_ids)s::text[] || CASE WHEN %(has_sessionless)s THEN ARRAY[''] END) AS s (session_id)
ON CONFLICT DO NOTHING

-- name: persist
-- New rows, and their sessions before and after, in one statement.
WITH $parts
SELECT $new_rows,
       (SELECT count(*) FROM changed WHERE NOT (before).counted) AS sessions,
       (SELECT count(*) FROM changed WHERE (before).counted AND (before).snapshot IS DISTINCT FROM (after).snapshot) AS sessions_updated
