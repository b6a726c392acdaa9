-- name: count
SELECT count(*) AS sessions FROM base_sessions
WHERE (%(start)s::timestamptz IS NULL OR last_event_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR dated_at < %(end)s)
    AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
