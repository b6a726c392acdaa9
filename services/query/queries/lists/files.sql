-- name: files
-- By changes or lines, which the rollups of files have. The keys of the other orders are constants, which planning leaves out.
SELECT f.file_path, nullif(r.project_id, 0) AS project_id, p.name AS project_name, r.touches AS changes,
    least(r.lines_added, 9007199254740991)::bigint AS lines_added, least(r.lines_removed, 9007199254740991)::bigint AS lines_removed,
    CASE WHEN of_file.changes >= r.touches THEN of_file.sessions END AS sessions, nullif(of_file.newest, '-infinity') AS last_change, r.number AS sort_number, r.file_key, r.project_id AS of_project
FROM (
    SELECT r.*, sorted.number
    FROM file_rollups r
    JOIN files f ON f.file_key = r.file_key
    CROSS JOIN LATERAL (SELECT CASE %(sort)s::text WHEN 'changes' THEN r.touches::float8 ELSE r.lines_added::float8 + r.lines_removed END AS number) AS sorted
    WHERE r.grain_minutes = 0 AND r.project_id <> -1 AND r.touches > 0
        AND (%(project_id)s::bigint IS NULL OR r.project_id = %(project_id)s)
        AND (%(projects)s::bigint[] IS NULL OR r.project_id = ANY (%(projects)s))
        AND (%(file_keys)s::uuid[] IS NULL OR r.file_key = ANY (%(file_keys)s))
        AND (%(file_path)s::text IS NULL OR f.file_path = %(file_path)s)
        AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
        AND (%(contains)s::text IS NULL OR strpos(lower(f.file_path), lower(%(contains)s)) > 0)
        AND (%(after_number)s::float8 IS NULL OR %(ascending)s OR %(sort)s::text <> 'changes' OR r.touches <= %(after_number)s::float8::bigint)
        AND (%(after_number)s::float8 IS NULL OR CASE WHEN %(ascending)s THEN sorted.number > %(after_number)s ELSE sorted.number < %(after_number)s END
            OR (sorted.number = %(after_number)s AND (r.file_key, r.project_id) > (%(after_key)s::uuid, %(after_project)s::bigint)))
    ORDER BY
        CASE WHEN %(sort)s::text = 'changes' AND NOT %(ascending)s THEN r.touches END DESC,
        CASE WHEN %(sort)s::text <> 'changes' AND NOT %(ascending)s THEN sorted.number END DESC,
        CASE WHEN %(ascending)s THEN sorted.number END,
        r.file_key, r.project_id
    LIMIT %(fetch)s
) AS r
JOIN files f ON f.file_key = r.file_key
LEFT JOIN projects p ON p.id = r.project_id
CROSS JOIN LATERAL (
    SELECT count(*) AS changes, count(DISTINCT a.session_id) AS sessions, max(a.occurred_at) AS newest
    FROM activities a
    WHERE a.file_key = r.file_key AND a.project_id = r.project_id
) AS of_file
ORDER BY CASE WHEN NOT %(ascending)s THEN r.number END DESC, CASE WHEN %(ascending)s THEN r.number END, r.file_key, r.project_id

-- name: files_of_changes
-- The same of the changes that pass filters of time, person or machine, or by sessions or the last change: the rollups of files do not have these.
SELECT f.file_path, nullif(r.project_id, 0) AS project_id, p.name AS project_name, r.touches AS changes,
    least(r.lines_added, 9007199254740991)::bigint AS lines_added, least(r.lines_removed, 9007199254740991)::bigint AS lines_removed,
    r.sessions, nullif(r.last_change, '-infinity') AS last_change, sorted.number AS sort_number, r.file_key, r.project_id AS of_project
FROM (
    SELECT file_key, project_id, sum(touches)::bigint AS touches, sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed,
        CASE WHEN bool_and(is_kept) THEN count(session_id) END AS sessions, max(last_change) AS last_change
    FROM (
        SELECT a.file_key, a.project_id, a.session_id, count(*) AS touches, sum(a.lines_added) AS lines_added, sum(a.lines_removed) AS lines_removed,
            max(a.occurred_at) AS last_change, true AS is_kept
        FROM activities a
        WHERE (%(project_id)s::bigint IS NULL OR a.project_id = %(project_id)s)
            AND (%(projects)s::bigint[] IS NULL OR a.project_id = ANY (%(projects)s))
            AND (%(file_keys)s::uuid[] IS NULL OR a.file_key = ANY (%(file_keys)s))
            AND (%(start)s::timestamptz IS NULL OR a.occurred_at >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR a.occurred_at < %(end)s)
            AND (%(user)s::text IS NULL OR a.user_id = (SELECT person_of(%(user)s)))
            AND (%(machine)s::text IS NULL OR a.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        GROUP BY a.file_key, a.project_id, a.session_id
        UNION ALL
        -- Files of sessions that retention has dropped. Their users and machines are not known.
        SELECT b.file_key, b.project_id, NULL, b.touches, b.lines_added, b.lines_removed, NULL, false
        FROM base_file_rollups b
        WHERE %(user)s::text IS NULL AND %(machine)s::text IS NULL
            AND (%(project_id)s::bigint IS NULL OR b.project_id = %(project_id)s)
            AND (%(projects)s::bigint[] IS NULL OR b.project_id = ANY (%(projects)s))
            AND (%(file_keys)s::uuid[] IS NULL OR b.file_key = ANY (%(file_keys)s))
            AND (%(start)s::timestamptz IS NULL OR b.bucket_start >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR b.bucket_start < %(end)s)
    ) AS of_session
    GROUP BY file_key, project_id
) AS r
JOIN files f ON f.file_key = r.file_key
LEFT JOIN projects p ON p.id = r.project_id
CROSS JOIN LATERAL (SELECT CASE %(sort)s::text
    WHEN 'lines_changed' THEN r.lines_added::float8 + r.lines_removed::float8
    WHEN 'sessions' THEN coalesce(r.sessions, 0)::float8
    WHEN 'last_change' THEN coalesce(extract(epoch FROM nullif(r.last_change, '-infinity'))::float8, -1e12)
    ELSE r.touches::float8 END AS number) AS sorted
WHERE (%(file_path)s::text IS NULL OR f.file_path = %(file_path)s)
    AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
    AND (%(contains)s::text IS NULL OR strpos(lower(f.file_path), lower(%(contains)s)) > 0)
    AND (%(after_number)s::float8 IS NULL OR CASE WHEN %(ascending)s THEN sorted.number > %(after_number)s ELSE sorted.number < %(after_number)s END
        OR (sorted.number = %(after_number)s AND (r.file_key, r.project_id) > (%(after_key)s::uuid, %(after_project)s::bigint)))
ORDER BY CASE WHEN NOT %(ascending)s THEN sorted.number END DESC, CASE WHEN %(ascending)s THEN sorted.number END, r.file_key, r.project_id
LIMIT %(fetch)s
