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
