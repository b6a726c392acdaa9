-- name: files
SELECT f.file_path, nullif(r.project_id, 0) AS project_id, p.name AS project_name, r.touches AS changes,
    least(r.lines_added, 9007199254740991)::bigint AS lines_added, least(r.lines_removed, 9007199254740991)::bigint AS lines_removed,
    nullif(newest.occurred_at, '-infinity') AS last_change, r.file_key, r.project_id AS of_project
FROM (
    SELECT r.*
    FROM file_rollups r
    JOIN files f ON f.file_key = r.file_key
    WHERE r.grain_minutes = 0 AND r.project_id <> -1 AND r.touches > 0
        AND (%(project_id)s::bigint IS NULL OR r.project_id = %(project_id)s)
        AND (%(file_keys)s::uuid[] IS NULL OR r.file_key = ANY (%(file_keys)s))
        AND (%(file_path)s::text IS NULL OR f.file_path = %(file_path)s)
        AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
        AND (%(contains)s::text IS NULL OR strpos(lower(f.file_path), lower(%(contains)s)) > 0)
        AND (%(after_changes)s::bigint IS NULL OR r.touches <= %(after_changes)s::bigint AND (
            (-r.touches, r.file_key, r.project_id) > (-%(after_changes)s::bigint, %(after_key)s::uuid, %(after_project)s::bigint)))
    ORDER BY r.touches DESC, r.file_key, r.project_id
    LIMIT %(fetch)s
) AS r
JOIN files f ON f.file_key = r.file_key
LEFT JOIN projects p ON p.id = r.project_id
LEFT JOIN LATERAL (
    SELECT a.occurred_at FROM activities a
    WHERE a.file_key = r.file_key AND a.project_id = r.project_id
    ORDER BY a.occurred_at DESC, a.id DESC
    LIMIT 1
) AS newest ON true
ORDER BY r.touches DESC, r.file_key, r.project_id

-- name: files_of_changes
-- The same of the changes that pass filters of time, person or machine, which the rollups of files do not all have.
SELECT f.file_path, nullif(r.project_id, 0) AS project_id, p.name AS project_name, r.touches AS changes,
    least(r.lines_added, 9007199254740991)::bigint AS lines_added, least(r.lines_removed, 9007199254740991)::bigint AS lines_removed,
    nullif(r.last_change, '-infinity') AS last_change, r.file_key, r.project_id AS of_project
FROM (
    SELECT a.file_key, a.project_id, count(*) AS touches, sum(a.lines_added) AS lines_added, sum(a.lines_removed) AS lines_removed,
        max(a.occurred_at) AS last_change
    FROM activities a
    WHERE (%(project_id)s::bigint IS NULL OR a.project_id = %(project_id)s)
        AND (%(file_keys)s::uuid[] IS NULL OR a.file_key = ANY (%(file_keys)s))
        AND (%(start)s::timestamptz IS NULL OR a.occurred_at >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR a.occurred_at < %(end)s)
        AND (%(user)s::text IS NULL OR a.user_id = (SELECT id FROM users WHERE name = %(user)s))
        AND (%(machine)s::text IS NULL OR a.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    GROUP BY a.file_key, a.project_id
) AS r
JOIN files f ON f.file_key = r.file_key
LEFT JOIN projects p ON p.id = r.project_id
WHERE (%(file_path)s::text IS NULL OR f.file_path = %(file_path)s)
    AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
    AND (%(contains)s::text IS NULL OR strpos(lower(f.file_path), lower(%(contains)s)) > 0)
    AND (%(after_changes)s::bigint IS NULL OR r.touches <= %(after_changes)s::bigint AND (
        (-r.touches, r.file_key, r.project_id) > (-%(after_changes)s::bigint, %(after_key)s::uuid, %(after_project)s::bigint)))
ORDER BY r.touches DESC, r.file_key, r.project_id
LIMIT %(fetch)s
