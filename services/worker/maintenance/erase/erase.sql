-- name: acquire_lease
UPDATE erasures SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(erasure_id)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
RETURNING at_stage, after_key, is_dry_run, attempts, lease_token

-- name: renew_lease
UPDATE erasures SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(erasure_id)s AND lease_token = %(lease_token)s

-- name: load
SELECT id, kind, coalesce(names, '{}'), coalesce(user_ids, '{}'), coalesce(project_ids, '{}'), from_at, to_at FROM erasures WHERE id = %(erasure_id)s

-- name: advance
-- What a step needs to know where it goes on may be an id of what is erased.
UPDATE erasures SET at_stage = %(at_stage)s, after_key = %(after_key)s, attempts = 0, counts = sum_of_each(counts, %(counts)s),
    remains = remains || %(remains)s, lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(erasure_id)s AND lease_token = %(lease_token)s

-- name: finish
UPDATE erasures SET status = %(status)s, finished_at = now(), lease_expires_at = NULL, remains = remains || %(remains)s, after_key = NULL
WHERE id = %(erasure_id)s AND lease_token = %(lease_token)s
