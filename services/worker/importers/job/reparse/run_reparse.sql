-- name: choose
-- The sessions that are left to do.
INSERT INTO import_sessions (job_number, session_id)
SELECT DISTINCT j.number, f.session_id
FROM import_jobs AS j, transcript_files AS f LEFT JOIN sessions AS s USING (session_id)
WHERE j.number = %(job_number)s AND coalesce(f.session_id = j.selection->>'session_id', true)
  AND coalesce(s.project_id = (j.selection->>'project_id')::bigint, j.selection->>'project_id' IS NULL)
ON CONFLICT DO NOTHING

-- name: bytes_left
SELECT coalesce(sum(f.stored_offset), 0)::bigint FROM import_sessions AS i JOIN transcript_files AS f USING (session_id)
WHERE i.job_number = %(job_number)s

-- name: job
SELECT bytes_total, coalesce((selection->>'dry_run')::boolean, false), (selection->>'max_removed')::bigint, changes
FROM import_jobs WHERE number = %(job_number)s

-- name: sharing
-- Forks share rows, and which session owns a row depends on all of them.
SELECT DISTINCT o.session_id FROM contested_rows AS c JOIN contested_rows AS o USING (row_id) WHERE c.session_id = ANY(%(session_ids)s)

-- name: reported
SELECT id, duration_ms FROM tool_calls WHERE id = ANY(%(ids)s::uuid[]) AND duration_source = 'reported' AND duration_ms IS NOT NULL
