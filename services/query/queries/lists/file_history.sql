-- name: changes
-- The changes that pass the filters, the newest first: those of a page, and those that the summary counts.
SELECT a.*
FROM activities a
LEFT JOIN files f ON f.file_key = a.file_key
WHERE (%(file_key)s::uuid IS NULL OR a.file_key = %(file_key)s)
    AND (%(file_keys)s::uuid[] IS NULL OR a.file_key = ANY (%(file_keys)s))
    AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
    AND (%(project_id)s::bigint IS NULL OR a.project_id = %(project_id)s)
    AND (%(user)s::text IS NULL OR a.user_id = (SELECT id FROM users WHERE name = %(user)s))
    AND (%(machine)s::text IS NULL OR a.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(action)s::text IS NULL OR a.action = %(action)s)
    AND (%(start)s::timestamptz IS NULL OR a.occurred_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR a.occurred_at < %(end)s)
    AND (%(after_time)s::timestamptz IS NULL OR (a.occurred_at, a.id) < (%(after_time)s, %(after_id)s::uuid))
ORDER BY a.occurred_at DESC, a.id DESC
LIMIT %(fetch)s
