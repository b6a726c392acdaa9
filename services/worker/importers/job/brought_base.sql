-- name: may_bring
SELECT NOT EXISTS (
    SELECT FROM sessions AS t JOIN import_jobs AS j ON j.number = %(job_number)s
    WHERE t.counted AND t.created_at < j.created_at AND $of_user AND $of_paths
) AND NOT EXISTS (
    $others
)

-- name: of_user
(%(user)s::text IS NULL
 OR t.user_id IN (SELECT id FROM users WHERE coalesce(alias_of, id) = person_of(%(user)s)))

-- name: of_paths
(%(paths)s::text[] IS NULL OR coalesce(t.path_project_id, t.project_id) IN (SELECT id FROM projects WHERE path = ANY(%(paths)s)))

-- name: insert_files
INSERT INTO files (file_key, file_path)
SELECT DISTINCT md5(file_path)::uuid, file_path FROM jsonb_to_recordset(%(rows)s) AS r (file_path text)
WHERE NOT EXISTS (SELECT FROM files AS f WHERE f.file_key = md5(r.file_path)::uuid) ORDER BY 1
ON CONFLICT (file_key) DO NOTHING

-- name: active_ranges
coalesce((SELECT range_agg(tstzrange(a.begins, a.ends))
          FROM (SELECT (x.range->>0)::timestamptz AS begins, (x.range->>1)::timestamptz AS ends
                FROM jsonb_array_elements(e.line->'active_ranges') AS x (range)) AS a
          WHERE a.begins < a.ends), '{}')

-- name: bring
-- Rows of another tracker, which have names instead of ids.
INSERT INTO $base ($columns)
SELECT $values
FROM jsonb_array_elements(%(rows)s) AS e (line) CROSS JOIN jsonb_populate_record(NULL::$base, e.line - 'active_ranges') AS r
LEFT JOIN projects AS p ON p.path_key = md5(e.line->>'project_path')::uuid
LEFT JOIN users AS u ON u.name = e.line->>'user'

-- name: take_back
DELETE FROM $base WHERE ctid = ANY (ARRAY(SELECT ctid FROM $base WHERE brought_by = %(job_number)s LIMIT $limit))
