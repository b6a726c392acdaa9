-- name: lock_all_shards
-- Without its lease token, a worker can commit no more. A worker that is just committing is not waited for: the next sweep comes soon.
WITH locked AS (SELECT share FROM import_shares WHERE job_id = %(job_id)s AND outcome IS NULL FOR UPDATE SKIP LOCKED)
SELECT (SELECT count(*) FROM locked) = (SELECT count(*) FROM import_shares WHERE job_id = %(job_id)s AND outcome IS NULL)
   AND EXISTS (SELECT FROM import_jobs WHERE id = %(job_id)s AND status IN ('queued', 'running') FOR UPDATE SKIP LOCKED)

-- name: cancel_shards
UPDATE import_shares SET outcome = 'cancelled', lease_token = NULL, lease_expires_at = NULL WHERE job_id = %(job_id)s AND outcome IS NULL

-- name: cancel_job
UPDATE import_jobs SET status = 'cancelled', stage = 'cancelled', finished_at = now(), has_files = false WHERE id = %(job_id)s
