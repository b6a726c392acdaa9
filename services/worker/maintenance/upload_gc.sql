-- name: jobs
-- Whether a job still needs each upload. No row if no job has it.
SELECT file ->> 'blob_url', bool_or(has_files) FROM import_jobs, jsonb_array_elements(files) AS file
WHERE file ->> 'blob_url' = ANY(%(urls)s) GROUP BY 1
