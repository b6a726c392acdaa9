-- name: running_jobs
SELECT count(*) FROM import_jobs WHERE kind IN ('import', 'reparse') AND status IN ('queued', 'running') AND created_at <= to_timestamp(%(until)s)

-- name: running_uploads
SELECT count(*) FROM import_jobs WHERE has_files AND status IN ('queued', 'running') AND created_at <= to_timestamp(%(until)s)

-- name: failed
SELECT id, files FROM import_jobs WHERE has_files AND status = 'failed'

-- name: forget_failed
-- It can no longer be retried.
UPDATE import_jobs SET has_files = false WHERE id = %(id)s AND status = 'failed'

-- name: left
SELECT count(*) FILTER (WHERE status IN ('queued', 'running')), count(*) FILTER (WHERE status = 'failed') FROM import_jobs WHERE has_files
