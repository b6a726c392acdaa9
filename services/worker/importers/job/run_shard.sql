-- name: imported_files
INSERT INTO imported_files (sha256, job_number, reader_version)
SELECT DISTINCT sha256, %(job_number)s, %(reader_version)s FROM unnest(%(sha256s)s::bytea[]) AS f (sha256)
ON CONFLICT (sha256, job_number) DO UPDATE SET reader_version = greatest(imported_files.reader_version, excluded.reader_version)

-- name: forget_names
-- Replaces the names of files that are named after an erased session.
UPDATE import_jobs SET files = (SELECT jsonb_agg(file || '{"name": "erased"}') FROM jsonb_array_elements(files) AS f (file))
WHERE number = %(job_number)s
  AND EXISTS (SELECT FROM unnest(%(session_ids)s::text[]) AS s (session_id) WHERE position(s.session_id IN files::text) > 0)
