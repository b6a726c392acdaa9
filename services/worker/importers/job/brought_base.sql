-- name: may_bring
SELECT NOT EXISTS (
    SELECT FROM sessions AS s JOIN import_jobs AS j ON j.number = %(job_number)s WHERE s.counted AND s.created_at < j.created_at
) AND NOT EXISTS (
    $others
)

-- name: insert_files
INSERT INTO files (file_key, file_path)
SELECT DISTINCT md5(file_path)::uuid, file_path FROM jsonb_to_recordset(%(rows)s) AS r (file_path text)
WHERE NOT EXISTS (SELECT FROM files AS f WHERE f.file_key = md5(r.file_path)::uuid) ORDER BY 1
ON CONFLICT (file_key) DO NOTHING
