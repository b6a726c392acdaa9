-- name: target
-- Not if another worker is at it. The row stays locked, so the target cannot change within a transaction.
SELECT alias_of FROM users WHERE id = %(user_id)s AND alias_of IS NOT NULL AND merge_requested_at IS NOT NULL FOR UPDATE SKIP LOCKED

-- name: move_readings
-- A reading that both have becomes one.
UPDATE quota_readings AS q SET user_id = %(target)s
WHERE user_id = %(user_id)s AND NOT EXISTS (
    SELECT FROM quota_readings AS o
    WHERE (o.machine_id, o.key_id, o.account, o.source, o.kind, o.resets_at, o.used_percentage)
        = (q.machine_id, q.key_id, q.account, q.source, q.kind, q.resets_at, q.used_percentage) AND o.user_id = %(target)s)

-- name: move_rules
-- If both have a rule of one kind, the one that keeps longer stays.
WITH moved AS (DELETE FROM retention_rules WHERE user_id = %(user_id)s RETURNING what, days, key_id)
INSERT INTO retention_rules AS r (what, user_id, days, key_id) SELECT what, %(target)s, days, key_id FROM moved
ON CONFLICT (what, project_id, user_id) DO UPDATE SET days = excluded.days, key_id = excluded.key_id
WHERE r.days < coalesce(excluded.days, 2147483647)

-- name: sessions
-- Two indexes, one for each half.
(SELECT session_id FROM sessions WHERE counted AND user_id = %(user_id)s LIMIT %(sessions_limit)s)
UNION ALL
(SELECT session_id FROM sessions WHERE NOT counted AND user_id = %(user_id)s LIMIT %(sessions_limit)s)
