-- name: acquire_lease
UPDATE scrubs SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(id)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
RETURNING at_stage, after_key, is_dry_run, text_count, keep_out, rewrite_large, delete_uploads, attempts, lease_token

-- name: renew_lease
UPDATE scrubs SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s) WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: advance
UPDATE scrubs SET at_stage = %(at_stage)s, after_key = %(after_key)s, attempts = 0, rows_scanned = rows_scanned + %(scanned)s,
    rows_changed = rows_changed + %(changed)s, redactions = sum_of_each(redactions, %(redactions)s), remains = remains || %(remains)s,
    changed_in = sum_of_each(changed_in, %(changed_in)s), long_locks = long_locks || %(long_locks)s,
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: finish
UPDATE scrubs SET status = %(status)s, finished_at = now(), lease_expires_at = NULL, remains = remains || %(remains)s
WHERE id = %(id)s AND lease_token = %(lease_token)s
