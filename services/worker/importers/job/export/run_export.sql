-- name: begin
-- Each attempt begins again, since its snapshot is gone with its worker. Gives what the last one may have left in the store.
UPDATE exports AS e SET blob_url = NULL, sessions_done = 0, counts = '{}', snapshot_at = NULL
FROM import_jobs AS j, import_shares AS s
WHERE e.id = %(job_id)s AND j.id = e.id AND s.job_id = e.id AND s.lease_token = %(lease_token)s
RETURNING old.blob_url, j.selection ->> 'user', (j.selection ->> 'project_id')::bigint

-- name: forget_progress
UPDATE import_jobs SET rows_done = 0, files_done = 0, bytes_done = 0 WHERE id = %(job_id)s

-- name: forget_progress_of_share
UPDATE import_shares SET bytes_done = 0 WHERE job_id = %(job_id)s

-- name: set_total
UPDATE import_jobs SET bytes_total = %(bytes)s WHERE id = %(job_id)s

-- name: set_written
UPDATE exports SET blob_url = %(blob_url)s, sessions_total = %(sessions)s, snapshot_at = %(snapshot_at)s WHERE id = %(job_id)s

-- name: set_sessions_done
UPDATE exports SET sessions_done = %(sessions_done)s WHERE id = %(job_id)s

-- name: finish
-- An export that was deleted meanwhile stays deleted.
UPDATE exports SET bytes = %(bytes)s, sha256 = %(sha256)s, counts = %(counts)s, sessions_done = sessions_total,
    expires_at = coalesce(expires_at, now() + make_interval(days => %(days)s))
WHERE id = %(job_id)s
