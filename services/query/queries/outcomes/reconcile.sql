-- name: of_range
-- The sessions that began then.
SELECT s.session_id FROM sessions AS s
WHERE s.counted
    AND (%(start)s::timestamptz IS NULL OR s.dated_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR s.dated_at < %(end)s)
    AND (%(project_id)s::bigint = -1 OR s.project_id = %(project_id)s) AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
    AND (%(user_id)s::bigint = -1 OR s.user_id = %(user_id)s)
    AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
ORDER BY s.dated_at DESC, s.session_id LIMIT %(most)s
