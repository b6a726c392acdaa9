-- name: take
UPDATE $table SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)$also
WHERE id = %(id)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
RETURNING *

-- name: renew
UPDATE $table SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s) WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: advance
-- One that only waits does not get on.
UPDATE $table SET at_stage = %(at_stage)s, after_key = %(after_key)s, attempts = 0, failure = NULL,
    moved_at = CASE WHEN (at_stage, after_key) IS NOT DISTINCT FROM (%(at_stage)s::text, %(after_key)s::text) THEN moved_at ELSE now() END,
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: release
UPDATE $table SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: note_failure
UPDATE $table SET failure = %(failure)s WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: finish
UPDATE $table SET status = %(status)s, failure = %(failure)s, finished_at = now(), lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s
