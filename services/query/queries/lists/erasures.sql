-- name: erasures
SELECT id AS erasure_id, kind, status, is_dry_run AS dry_run, at_stage, counts, remains, failure, created_at, started_at, finished_at
FROM erasures
WHERE %(after_created_at)s::timestamptz IS NULL OR (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid)
ORDER BY created_at DESC, id DESC
LIMIT %(fetch)s

-- name: erasure
SELECT id AS erasure_id, kind, status, is_dry_run AS dry_run, at_stage, counts, remains, failure, created_at, started_at, finished_at
FROM erasures WHERE id = %(id)s
