-- name: erasures
SELECT id AS erasure_id, options ->> 'of' AS kind, status, is_dry_run AS dry_run, coalesce(at_stage, '') AS at_stage, counts, remains, failure,
    created_at, started_at, finished_at
FROM jobs
WHERE kind = 'erasure' AND (%(id)s::uuid IS NULL OR id = %(id)s)
  AND (%(after_created_at)s::timestamptz IS NULL OR (created_at, id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid))
ORDER BY created_at DESC, id DESC
LIMIT %(fetch)s
