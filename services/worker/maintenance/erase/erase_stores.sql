-- name: collect_of_session
INSERT INTO erasure_sessions (erasure_id, session_id) SELECT %(erasure_id)s, unnest(%(names)s::text[]) ON CONFLICT DO NOTHING

-- name: collect_of_user
-- With those that live capture has not read yet, and nobody else owns.
INSERT INTO erasure_sessions (erasure_id, session_id)
SELECT %(erasure_id)s, session_id FROM (
    SELECT session_id FROM sessions WHERE user_id = ANY(%(user_ids)s)
    UNION
    SELECT session_id FROM transcript_files AS f LEFT JOIN sessions AS s USING (session_id)
    WHERE (f.user_name = ANY(%(names)s) OR f.bound_user = ANY(%(names)s)) AND coalesce(s.user_id, 0) = 0
    UNION
    SELECT session_id FROM hook_payloads AS h LEFT JOIN sessions AS s USING (session_id)
    WHERE (h.user_name = ANY(%(names)s) OR h.bound_user = ANY(%(names)s)) AND coalesce(s.user_id, 0) = 0) AS own
ON CONFLICT DO NOTHING

-- name: collect_of_project
INSERT INTO erasure_sessions (erasure_id, session_id)
SELECT %(erasure_id)s, session_id FROM sessions WHERE project_id = ANY(%(project_ids)s)
ON CONFLICT DO NOTHING

-- name: note_projects
-- They may be left empty.
WITH own AS (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s)
UPDATE erasures SET project_ids = ARRAY(
    SELECT project_id FROM sessions WHERE session_id IN (SELECT session_id FROM own)
    UNION SELECT project_id FROM session_facts WHERE session_id IN (SELECT session_id FROM own)
    UNION SELECT project_id FROM session_events WHERE session_id IN (SELECT session_id FROM own)
    UNION SELECT project_id FROM messages WHERE session_id IS NULL AND user_id = ANY(%(user_ids)s)
    UNION SELECT p.id FROM projects AS p
    WHERE brought_by && ARRAY(SELECT number FROM import_jobs WHERE user_name = ANY(%(names)s) AND %(kind)s = 'user')
    EXCEPT SELECT 0)
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
UPDATE import_jobs SET errors = '[]', selection = '{}',
    files = coalesce((SELECT jsonb_agg(file || '{"name": "erased"}') FROM jsonb_array_elements(files) AS f (file)), '[]')
WHERE EXISTS (
        SELECT FROM erasure_sessions AS e WHERE e.erasure_id = %(erasure_id)s
        AND (position(e.session_id IN files::text) > 0 OR position(e.session_id IN errors::text) > 0 OR position(e.session_id IN selection::text) > 0))
   OR EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE files::text ~* n.pattern OR errors::text ~* n.pattern)

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
-- Of machines that others use too. The machine reports again within minutes.
UPDATE machines SET report = '{}', user_name = CASE WHEN %(kind)s = 'user' AND user_name = ANY(%(names)s) THEN NULL ELSE user_name END,
    name = CASE WHEN EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE name ~* n.pattern) THEN machine_id ELSE name END
WHERE %(kind)s = 'user' AND user_name = ANY(%(names)s)
   OR EXISTS (SELECT FROM erasure_sessions AS e WHERE e.erasure_id = %(erasure_id)s AND position(e.session_id IN report::text) > 0)
   OR EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE report::text ~* n.pattern OR name ~* n.pattern)

-- name: key_logins
DELETE FROM key_logins WHERE %(kind)s = 'user' AND key_id IN (SELECT id FROM api_keys WHERE user_name = ANY(%(names)s))

-- name: api_keys
-- Keys that are bound to the person are of no use any more. Others may only be named after them.
UPDATE api_keys SET name = 'erased', user_name = CASE WHEN user_name = ANY(%(names)s) THEN NULL ELSE user_name END,
    revoked_at = CASE WHEN user_name = ANY(%(names)s) THEN coalesce(revoked_at, now()) ELSE revoked_at END
WHERE %(kind)s = 'user'
  AND (user_name = ANY(%(names)s) OR EXISTS (SELECT FROM unnest(%(name_patterns)s::text[]) AS n (pattern) WHERE name ~* n.pattern))

-- name: users
DELETE FROM users WHERE %(kind)s = 'user' AND id = ANY(%(user_ids)s)

-- name: projects
-- A project in which nothing is left, and that no import of somebody else names.
DELETE FROM projects AS p
WHERE id = ANY(%(project_ids)s)
  AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM session_events AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM session_facts AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM messages AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM tool_calls AS s WHERE s.project_id = p.id)
  AND NOT EXISTS (SELECT FROM activities AS s WHERE s.project_id = p.id)
  AND (%(kind)s = 'project' OR NOT EXISTS (
      SELECT FROM import_jobs AS j WHERE j.number = ANY(p.brought_by) AND j.user_name IS NOT NULL AND j.user_name <> ALL(%(names)s)))

-- name: audit
WITH needles AS (
    SELECT unnest(%(names)s::text[]) AS needle UNION SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s
),
named AS (
    SELECT a.id, (a.subject IN (SELECT needle FROM needles) OR a.subject ~* ANY(%(name_patterns)s::text[])) IS TRUE AS in_subject,
           EXISTS (SELECT FROM jsonb_path_query(a.details, 'strict $.**') AS v (value)
                   WHERE jsonb_typeof(v.value) = 'string'
                     AND (v.value #>> '{}' IN (SELECT needle FROM needles) OR v.value #>> '{}' ~* ANY(%(name_patterns)s::text[]))) AS in_details
    FROM audit_log AS a
)
UPDATE audit_log AS a SET subject = CASE WHEN in_subject THEN %(erased)s ELSE subject END, details = CASE WHEN in_details THEN %(details)s ELSE details END
FROM named AS n WHERE n.id = a.id AND (in_subject OR in_details)

-- name: notes_left
SELECT count(*) FROM search_pending WHERE noted_at < to_timestamp(%(before)s) AND kind <> 'backfill'
