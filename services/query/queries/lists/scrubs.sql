-- name: scrub
SELECT id AS scrub_id, status, is_dry_run AS dry_run, coalesce((counts -> 'rows_scanned')::bigint, 0) AS rows_scanned,
    coalesce((counts -> 'rows_changed')::bigint, 0) AS rows_changed, coalesce(counts -> 'changed_in', '{}') AS changed_in,
    coalesce(counts -> 'redactions', '{}') AS redactions, coalesce((options -> 'text_count')::int, 0) AS texts,
    coalesce((options -> 'keep_out')::boolean, false) AS keep_out, coalesce(counts -> 'long_locks', '{}') AS long_locks, remains, failure,
    created_at, started_at, finished_at
FROM jobs WHERE id = %(id)s AND kind = 'scrub'
