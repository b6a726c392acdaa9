-- name: unfinished
-- All work that has not ended: its kind, what its task is called with, when it last got on, and when beat sends the task again. Each part reads an index of
-- what is unfinished, or a small table. A merge that failed is tried again an hour later.
SELECT kind, jsonb_build_array(id) AS arguments, moved_at, coalesce(lease_expires_at, created_at + interval '5 seconds') AS due_at
FROM jobs WHERE status IN ('queued', 'running')
UNION ALL
SELECT j.kind, jsonb_build_array(j.id, s.share), s.moved_at, coalesce(s.lease_expires_at, j.created_at + interval '5 seconds')
FROM import_jobs AS j JOIN import_shares AS s ON s.job_id = j.id WHERE j.status IN ('queued', 'running') AND s.outcome IS NULL
UNION ALL
SELECT 'merge of users', jsonb_build_array(id), merge_requested_at,
    merge_requested_at + CASE WHEN merge_failure IS NULL THEN interval '5 seconds' ELSE interval '1 hour' END
FROM users WHERE merge_requested_at IS NOT NULL
UNION ALL
SELECT 'merge of projects', jsonb_build_array(id), rekey_requested_at,
    rekey_requested_at + CASE WHEN rekey_failure IS NULL THEN interval '5 seconds' ELSE interval '1 hour' END
FROM projects WHERE rekey_requested_at IS NOT NULL
