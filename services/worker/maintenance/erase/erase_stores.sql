-- name: collect
INSERT INTO erasure_sessions (erasure_id, session_id) SELECT %(erasure_id)s, session_id FROM ($sessions) AS own ON CONFLICT DO NOTHING

-- name: has_expired
-- Whether retention has dropped the session, or is at it; whether the project counts under another.
SELECT %(kind)s = 'session' AND (
           EXISTS (SELECT FROM unnest(%(names)s::text[]) AS n (name) CROSS JOIN LATERAL tombstone_keys('session', n.name) AS k (key)
                   JOIN tombstones AS t USING (key) WHERE t.reason = 'expired')
           OR EXISTS (SELECT FROM dropping_sessions WHERE session_id = ANY(%(names)s))),
       %(kind)s = 'project' AND EXISTS (
           SELECT FROM projects AS p JOIN base_sessions AS b ON b.project_id = p.merged_into
           WHERE p.id = ANY(%(project_ids)s) AND p.merged_into <> ALL(%(project_ids)s))

-- name: note_projects
-- They may be left empty.
WITH own AS (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s),
based AS (SELECT DISTINCT project_id FROM base_activity_rollups WHERE user_id = ANY(%(user_ids)s)),
-- Dropped sessions count under the whole: its parts are the person's if all in it is.
parts AS (
    SELECT p.id FROM projects AS p JOIN based AS b ON b.project_id = p.merged_into
    WHERE NOT EXISTS (SELECT FROM base_activity_rollups AS o WHERE o.project_id = b.project_id AND o.user_id <> ALL(%(user_ids)s))
      AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.project_id = b.project_id AND s.session_id NOT IN (SELECT session_id FROM own))
)
UPDATE jobs SET project_ids = ARRAY(
    $named
    UNION SELECT project_id FROM based
    UNION SELECT id FROM parts
    UNION SELECT project_id FROM messages WHERE session_id IS NULL AND user_id = ANY(%(user_ids)s)
    UNION SELECT path_project_id FROM messages WHERE session_id IS NULL AND user_id = ANY(%(user_ids)s)
    UNION SELECT p.id FROM projects AS p
    WHERE brought_by && ARRAY(SELECT number FROM import_jobs WHERE user_name = ANY(%(names)s) AND %(kind)s = 'user')
    EXCEPT (VALUES (0), (NULL)))
WHERE id = %(erasure_id)s

-- name: delete
DELETE FROM $table WHERE ctid IN (SELECT ctid FROM $table WHERE $condition LIMIT %(limit)s)

-- name: files
-- With files of a key of the person in sessions of others.
SELECT id, session_id, machine_id, file_name FROM transcript_files
WHERE session_id IN (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s) OR %(kind)s = 'user' AND bound_user = ANY(%(names)s)
ORDER BY id LIMIT %(limit)s

-- name: forget_sender
UPDATE transcript_files SET user_name = NULL WHERE %(kind)s = 'user' AND user_name = ANY(%(names)s)

-- name: cancel_jobs
UPDATE import_jobs SET cancel_requested_at = coalesce(cancel_requested_at, now())
WHERE %(kind)s = 'user' AND user_name = ANY(%(names)s) AND kind = 'import' AND status IN ('queued', 'running')

-- name: running_jobs
SELECT count(*) FROM import_jobs WHERE %(kind)s = 'user' AND user_name = ANY(%(names)s) AND kind = 'import' AND status IN ('queued', 'running')

-- name: take_uploads
UPDATE import_jobs SET has_files = false
WHERE has_files AND %(kind)s = 'user' AND user_name = ANY(%(names)s) AND status NOT IN ('queued', 'running') RETURNING files

-- name: forget_contents
-- Once a tombstone is lifted, the files can be sent again.
DELETE FROM imported_files WHERE job_number IN (
    SELECT job_number FROM import_sessions WHERE session_id IN (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s)
    UNION SELECT number FROM import_jobs WHERE %(kind)s = 'user' AND user_name = ANY(%(names)s))

-- name: forget_own_jobs
UPDATE import_jobs SET user_name = NULL, errors = '[]', unknown_records = '{}',
    files = coalesce((SELECT jsonb_agg(file || '{"name": "erased"}') FROM jsonb_array_elements(files) AS f (file)), '[]')
WHERE %(kind)s = 'user' AND user_name = ANY(%(names)s)

-- name: forget_names_in_jobs
-- Names of files and errors of other jobs that have an id or a name.
UPDATE import_jobs SET errors = '[]', selection = CASE WHEN kind = 'export' AND status IN ('queued', 'running') THEN selection ELSE '{}' END,
    files = coalesce((SELECT jsonb_agg(file || '{"name": "erased"}') FROM jsonb_array_elements(files) AS f (file)), '[]')
WHERE EXISTS (
        SELECT FROM erasure_sessions AS e WHERE e.erasure_id = %(erasure_id)s
        AND (position(e.session_id IN files::text) > 0 OR position(e.session_id IN errors::text) > 0 OR position(e.session_id IN selection::text) > 0))
   OR EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE files::text ~* n.pattern OR errors::text ~* n.pattern OR selection::text ~* n.pattern)

-- name: machines
-- Those that no session of others was seen on.
DELETE FROM machines AS m
WHERE %(kind)s = 'user'
  AND (user_name = ANY(%(names)s) OR user_name IS NULL AND EXISTS (
      SELECT FROM session_machines AS s JOIN erasure_sessions AS e USING (session_id)
      WHERE e.erasure_id = %(erasure_id)s AND s.machine_id = m.machine_id))
  AND NOT EXISTS (
      SELECT FROM session_machines AS s WHERE s.machine_id = m.machine_id
      AND s.session_id NOT IN (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s))

-- name: machine_reports
-- Reports of machines that others use too. The machine reports again within minutes.
UPDATE machines SET report = '{}', user_name = CASE WHEN %(kind)s = 'user' AND user_name = ANY(%(names)s) THEN NULL ELSE user_name END,
    name = CASE WHEN EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE name ~* n.pattern) THEN machine_id ELSE name END
WHERE %(kind)s = 'user' AND user_name = ANY(%(names)s)
   OR EXISTS (SELECT FROM erasure_sessions AS e WHERE e.erasure_id = %(erasure_id)s AND position(e.session_id IN report::text) > 0)
   OR EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE report::text ~* n.pattern OR name ~* n.pattern)

-- name: key_logins
-- Logins of keys that are revoked next.
DELETE FROM key_logins WHERE %(kind)s = 'user'
  AND key_id IN (SELECT id FROM api_keys WHERE user_name = ANY(%(names)s) OR user_names <@ %(names)s)

-- name: api_keys
-- Keys that are bound to the person are of no use any more. Others may only be named after them.
-- A key of several loses the person; of one that is left, user_name has the name.
WITH bound AS (
    SELECT id, user_name = ANY(%(names)s) AS is_own, cardinality(user_names) AS before,
           ARRAY(SELECT u.name FROM unnest(user_names) WITH ORDINALITY AS u (name, n) WHERE u.name <> ALL(%(names)s) ORDER BY n) AS left_over,
           EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE name ~* n.pattern) AS is_named
    FROM api_keys WHERE %(kind)s = 'user'
)
UPDATE api_keys AS k SET name = CASE WHEN b.is_own OR b.is_named THEN 'erased' ELSE k.name END,
    user_name = CASE WHEN b.is_own THEN NULL WHEN cardinality(b.left_over) = 1 THEN b.left_over[1] ELSE k.user_name END,
    user_names = CASE WHEN cardinality(b.left_over) > 1 THEN b.left_over END,
    revoked_at = CASE WHEN b.is_own OR b.before > 0 AND cardinality(b.left_over) = 0 THEN coalesce(k.revoked_at, now()) ELSE k.revoked_at END
FROM bound AS b WHERE b.id = k.id AND (b.is_own OR b.is_named OR cardinality(b.left_over) < b.before)

-- name: users
DELETE FROM users WHERE %(kind)s = 'user' AND id = ANY(%(user_ids)s)

-- name: projects
-- A project in which nothing is left, as tables say that have an index by it, that no other is part of, and that no import of somebody else names.
WITH gone AS (
DELETE FROM projects AS p
WHERE id = ANY(%(project_ids)s)
  AND NOT EXISTS (SELECT FROM projects AS c WHERE p.id IN (c.part_of, c.merged_into))
  AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.path_project_id = p.id)
  AND NOT EXISTS (SELECT FROM messages AS s WHERE s.path_project_id = p.id)
  AND NOT EXISTS (SELECT FROM base_sessions AS b WHERE b.project_id = p.id)
  AND NOT EXISTS (SELECT FROM base_sessions AS b WHERE b.path_project_id = p.id)
  AND NOT EXISTS (SELECT FROM base_activity_rollups AS b WHERE b.project_id = p.id)
  AND NOT EXISTS (SELECT FROM base_activity_rollups AS b WHERE b.path_project_id = p.id)
  AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM session_events AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM session_facts AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM messages AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM tool_calls AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM activities AS s WHERE s.project_id = p.id)
  AND (%(kind)s = 'project' OR NOT EXISTS (
      SELECT FROM import_jobs AS j WHERE j.number = ANY(p.brought_by) AND j.user_name IS NOT NULL AND j.user_name <> ALL(%(names)s)))
RETURNING id, path_key
),
places AS (DELETE FROM project_places AS t USING gone AS g WHERE t.path_key = g.path_key)
SELECT id FROM gone

-- name: forget_project_changes
-- Those of projects that are gone. Others may name them, or the person, in what was changed; these can no longer be undone.
DELETE FROM project_changes AS c
WHERE (project_id = ANY(%(project_ids)s) AND NOT EXISTS (SELECT FROM projects AS p WHERE p.id = c.project_id))
   OR EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE before::text ~* n.pattern OR after::text ~* n.pattern)

-- name: forget_project_places
-- Those of the project; or what the person's machines and imports said.
DELETE FROM project_places AS t
WHERE %(kind)s = 'project' AND path = ANY(%(names)s)
   OR %(kind)s = 'user' AND (
       told_by IN (SELECT 'import:' || number FROM import_jobs WHERE user_name = ANY(%(names)s))
       OR told_by IN (
           SELECT machine_id FROM session_machines AS s JOIN erasure_sessions AS e USING (session_id) WHERE e.erasure_id = %(erasure_id)s
           EXCEPT SELECT machine_id FROM machines))
   OR EXISTS (
       SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern)
       WHERE (common_dir ~* n.pattern OR remote ~* n.pattern) AND %(kind)s = 'project')

-- name: forget_project_rules
DELETE FROM project_rules AS r
WHERE (project_id = ANY(%(project_ids)s) AND NOT EXISTS (SELECT FROM projects AS p WHERE p.id = r.project_id))
   OR EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE r.pattern ~* n.pattern)

-- name: forget_owners
-- Else the tombstones of a person's sessions could be told to be one person's.
UPDATE tombstones AS t SET user_id = (SELECT id FROM users AS u WHERE u.id = t.user_id),
    project_id = (SELECT id FROM projects AS p WHERE p.id = t.project_id)
WHERE user_id = ANY(%(user_ids)s) OR project_id = ANY(%(project_ids)s)

-- name: audit
-- Changes of a project that is gone may name its group.
WITH needles AS (
    SELECT unnest(%(names)s::text[]) AS needle UNION SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s
),
named AS (
    SELECT a.id, (a.subject IN (SELECT needle FROM needles) OR a.subject ~* ANY(%(name_patterns)s::text[])) IS TRUE AS in_subject,
           EXISTS (SELECT FROM jsonb_path_query(a.details, 'strict $.**') AS v (value)
                   WHERE jsonb_typeof(v.value) = 'string'
                     AND (v.value #>> '{}' IN (SELECT needle FROM needles) OR v.value #>> '{}' ~* ANY(%(name_patterns)s::text[])))
               OR a.act LIKE 'project.%%' AND a.subject = ANY(%(project_ids)s::text[])
                  AND NOT EXISTS (SELECT FROM projects AS p WHERE p.id::text = a.subject) AS in_details
    FROM audit_log AS a
)
UPDATE audit_log AS a SET subject = CASE WHEN in_subject THEN %(erased)s ELSE subject END, details = CASE WHEN in_details THEN %(details)s ELSE details END
FROM named AS n WHERE n.id = a.id AND (in_subject OR in_details)
