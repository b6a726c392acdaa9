-- Which sessions are older than they are kept. A session is as old as the last that is known of it.

-- name: last_seen
coalesce(nullif(greatest(s.last_event_at, s.ended_at, s.dated_at), '-infinity'), s.created_at)

-- name: is_old
-- NULL, which is not true, where it is kept for good.
$last_seen < %(as_of)s - make_interval(days => retention_days('$what', s.project_id, s.user_id, %($days)s))

-- name: family
-- The sessions that share rows with it, by their claims, and those that share rows with these.
WITH RECURSIVE family AS (
    SELECT s.session_id
    UNION
    SELECT o.session_id FROM family AS f
    JOIN contested_rows AS c ON c.session_id = f.session_id
    JOIN contested_rows AS o ON o.row_id = c.row_id
)
SELECT session_id FROM family
