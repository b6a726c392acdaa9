-- name: scrub
SELECT id AS scrub_id, status, is_dry_run AS dry_run, rows_scanned, rows_changed, changed_in, redactions, text_count AS texts, keep_out,
    long_locks, remains, failure, created_at, started_at, finished_at
FROM scrubs WHERE id = %(id)s
