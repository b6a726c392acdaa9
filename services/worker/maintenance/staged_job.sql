-- name: take
UPDATE jobs SET status = 'running', started_at = coalesce(started_at, now()), {taken}$also
WHERE id = %(id)s AND kind = %(kind)s AND status IN ('queued', 'running') AND {is_free}
RETURNING *

-- name: renew
UPDATE jobs SET {renewed} WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: advance
-- One that only waits does not get on.
UPDATE jobs SET at_stage = %(at_stage)s, after_key = %(after_key)s, failure = NULL, {got_on},
    moved_at = CASE WHEN (at_stage, after_key) IS NOT DISTINCT FROM (%(at_stage)s::text, %(after_key)s::text) THEN moved_at ELSE now() END
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: counts
SELECT counts FROM jobs WHERE id = %(id)s

-- name: note
UPDATE jobs SET counts = %(counts)s, remains = remains || %(remains)s WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: release
UPDATE jobs SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: note_failure
UPDATE jobs SET failure = %(failure)s WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: put_back
UPDATE jobs SET failure = %(failure)s, {put_back} WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: finish
-- Where a step was to go on may be an id of what is erased.
UPDATE jobs SET status = %(status)s, failure = %(failure)s, finished_at = now(), lease_expires_at = NULL, after_key = NULL, remains = remains || %(remains)s
WHERE id = %(id)s AND lease_token = %(lease_token)s
