-- name: target
-- Not if another worker is at it. The row stays locked, so the target cannot change within a transaction.
SELECT alias_of FROM users WHERE id = %(user_id)s AND alias_of IS NOT NULL AND merge_requested_at IS NOT NULL FOR UPDATE SKIP LOCKED

-- name: sessions
-- Two indexes, one for each half.
(SELECT session_id FROM sessions WHERE counted AND user_id = %(user_id)s LIMIT %(sessions_limit)s)
UNION ALL
(SELECT session_id FROM sessions WHERE NOT counted AND user_id = %(user_id)s LIMIT %(sessions_limit)s)
