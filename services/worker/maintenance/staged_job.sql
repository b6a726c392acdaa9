-- name: take
UPDATE $table SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)$also
WHERE id = %(id)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
RETURNING *

-- name: renew
UPDATE $table SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s) WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: advance
UPDATE $table SET at_stage = %(at_stage)s, after_key = %(after_key)s, attempts = 0, lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: release
UPDATE $table SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: finish
UPDATE $table SET status = %(status)s, finished_at = now(), lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s
