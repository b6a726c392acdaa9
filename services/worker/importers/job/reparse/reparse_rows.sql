-- name: note_rows
-- Notes rows that the archive may decide: they came only with imports, or live, and their files are read. Rows that came over the wire are left out.
INSERT INTO reparse_rows (job_number, relation, id, call_id, content, is_archived)
SELECT %(job_number)s, '$table', id, $call_id, md5(ROW($columns)::text)::uuid,
       coalesce(brought_by <@ %(job_numbers)s::integer[] AND source = 'transcript', false)
FROM $table WHERE session_id = ANY(%(session_ids)s) AND NOT 0 >= ANY(brought_by)
ON CONFLICT DO NOTHING

-- name: note_facts
-- Facts are known to be of the files that are read, or of the only import that brought them when that was not noted yet.
INSERT INTO reparse_rows (job_number, relation, id, content, is_archived)
SELECT %(job_number)s, 'session_facts', id, id, true FROM session_facts
WHERE session_id = ANY(%(session_ids)s) AND source = 'transcript' AND brought_by <@ %(job_numbers)s::integer[]
  AND (id = ANY(%(facts_ids)s::uuid[]) OR brought_by <@ %(unnoted_job_numbers)s::integer[])
ON CONFLICT DO NOTHING

-- name: content_of_session
-- The same in note_sessions and count_changed_sessions.
md5(ROW(project_id, user_id, model, git_branch, client_version, title, parent_session_id, started_at, ended_at, first_event_at, last_event_at,
        active_ranges, snapshot)::text)::uuid

-- name: note_sessions
INSERT INTO reparse_rows (job_number, relation, id, content, is_archived)
SELECT %(job_number)s, 'sessions', md5(session_id)::uuid, $session, false FROM sessions WHERE session_id = ANY(%(session_ids)s)
ON CONFLICT DO NOTHING

-- name: forget_ended
-- Rows of reparses that were cancelled or given up.
DELETE FROM reparse_rows AS r USING import_jobs AS j WHERE j.number = r.job_number AND j.status NOT IN ('queued', 'running')

-- name: to_renew
INSERT INTO renewed_ids (id)
SELECT r.id FROM reparse_rows AS r JOIN unnest(%(relations)s::text[], %(ids)s::uuid[]) AS n (relation, id) USING (relation, id)
WHERE r.job_number = %(job_number)s AND r.is_archived AND NOT r.is_read

-- name: same
-- Every staged version of them is what is stored. The copy of a fork that has another session's row is the same row.
SELECT s.id FROM staged_$table AS s JOIN $table AS t USING (id)
GROUP BY s.id HAVING bool_and(%(job_number)s = ANY(t.brought_by)
    AND ROW(t.occurred_at, $of_row)::text = ROW(s.occurred_at, $of_staged)::text
    AND (t.session_id = s.session_id OR EXISTS (
        SELECT FROM contested_rows AS c WHERE c.row_id = s.id AND c.session_id = s.session_id AND c.job_number = %(job_number)s)))

-- name: note_differing
UPDATE reparse_rows SET content = id
WHERE job_number = %(job_number)s AND relation = %(relation)s AND id = ANY(%(ids)s::uuid[]) AND is_archived AND NOT is_read

-- name: mark_read
UPDATE reparse_rows AS r SET is_read = true FROM unnest(%(relations)s::text[], %(ids)s::uuid[]) AS n (relation, id)
WHERE r.job_number = %(job_number)s AND (r.relation, r.id) = (n.relation, n.id) AND NOT r.is_read

-- name: note_added
INSERT INTO reparse_rows (job_number, relation, id, is_archived, is_read)
SELECT %(job_number)s, relation, id, false, true FROM unnest(%(relations)s::text[], %(ids)s::uuid[]) AS n (relation, id)
ON CONFLICT DO NOTHING

-- name: displaced
-- Renewed rows that today's reader gives to another session, at another time, or with another name: a version never changes these.
SELECT t.id, t.session_id FROM renewed_ids JOIN $table AS t USING (id) JOIN staged_$table AS s USING (id)
WHERE ROW(t.occurred_at, $fixed_of_row) IS DISTINCT FROM ROW(s.occurred_at, $fixed_of_staged)
   OR t.session_id <> s.session_id AND NOT EXISTS (SELECT FROM contested_rows AS c WHERE c.row_id = t.id AND c.session_id = t.session_id)

-- name: unread
SELECT relation, id, call_id FROM reparse_rows
WHERE job_number = %(job_number)s AND is_archived AND NOT is_read AND relation <> 'session_facts'

-- name: unread_facts
SELECT r.id FROM reparse_rows AS r WHERE job_number = %(job_number)s AND relation = 'session_facts' AND NOT is_read
  AND NOT EXISTS (SELECT FROM transcript_files AS f WHERE f.facts_ids @> ARRAY[r.id] AND f.session_id <> ALL(%(session_ids)s))

-- name: still_archived
-- A row that something else brought meanwhile stays.
SELECT id, session_id FROM $table WHERE id = ANY(%(ids)s::uuid[]) AND session_id IS NOT NULL AND brought_by <@ %(job_numbers)s::integer[]

-- name: count_added
-- Unless the reparse stores nothing, what could not be stored is not counted.
SELECT '$table_added', count(*) FROM reparse_rows AS r
WHERE r.job_number = %(job_number)s AND r.relation = '$table' AND r.content IS NULL
  AND (%(is_dry_run)s OR EXISTS (SELECT FROM $table AS t WHERE t.id = r.id))

-- name: count_changed
SELECT '$table_changed', count(*) FROM reparse_rows AS r JOIN $table AS t USING (id)
WHERE r.job_number = %(job_number)s AND r.relation = '$table' AND r.content <> md5(ROW($columns)::text)::uuid

-- name: count_changed_sessions
SELECT 'sessions_changed', count(*) FROM sessions AS s JOIN reparse_rows AS r ON r.id = md5(s.session_id)::uuid
WHERE r.job_number = %(job_number)s AND r.relation = 'sessions' AND s.session_id = ANY(%(session_ids)s) AND r.content <> $session

-- name: contents
-- A content that several imports brought is read for each, since each has rows of it. The longest first: its versions of the rows are the best ones.
SELECT f.id, f.session_id, f.file_name, f.facts_ids, j.number AS job_number, j.id AS job_id,
       CASE WHEN f.brought_by IS NULL THEN f.user_name ELSE j.user_name END AS user,
       CASE WHEN f.brought_by IS NULL THEN f.changed_at ELSE j.created_at END AS accepted_at,
       CASE WHEN f.brought_by IS NULL THEN f.bound_user ELSE (SELECT k.user_name FROM api_keys AS k WHERE k.id = j.key_id) END AS bound_user,
       (SELECT k.project_ids FROM api_keys AS k WHERE k.id = j.key_id) AS bound_projects,
       f.brought_by IS NOT NULL AND f.facts_ids = '{}' AND cardinality(f.brought_by) = 1 AS has_unnoted_facts
FROM transcript_files AS f
JOIN import_jobs AS j ON CASE WHEN f.brought_by IS NULL THEN j.kind = 'capture' ELSE j.number = ANY(f.brought_by) END
WHERE f.session_id = ANY(%(session_ids)s) ORDER BY f.session_id, f.file_name, f.stored_offset DESC, f.id, j.number

-- name: is_still_brought
SELECT FROM transcript_files WHERE id = %(id)s AND (brought_by IS NULL OR %(job_number)s = ANY(brought_by))
