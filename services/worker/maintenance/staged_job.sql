-- name: take
UPDATE jobs SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)$also
WHERE id = %(id)s AND kind = %(kind)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
RETURNING *

-- name: renew
UPDATE jobs SET lease_expires_at = now() + make_interval(secs => %(lease_seconds)s) WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: advance
-- One that only waits does not get on.
UPDATE jobs SET at_stage = %(at_stage)s, after_key = %(after_key)s, attempts = 0, failure = NULL,
    moved_at = CASE WHEN (at_stage, after_key) IS NOT DISTINCT FROM (%(at_stage)s::text, %(after_key)s::text) THEN moved_at ELSE now() END,
    lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: counts
SELECT counts FROM jobs WHERE id = %(id)s

-- name: note
UPDATE jobs SET counts = %(counts)s, remains = remains || %(remains)s WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: release
UPDATE jobs SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: note_failure
UPDATE jobs SET failure = %(failure)s WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: finish
-- Where a step was to go on may be an id of what is erased.
UPDATE jobs SET status = %(status)s, failure = %(failure)s, finished_at = now(), lease_expires_at = NULL, after_key = NULL, remains = remains || %(remains)s
WHERE id = %(id)s AND lease_token = %(lease_token)s
