-- The tables of an export besides records, each as rows of JSON: the statements whose names begin with their table's. A row that is here already stays.
-- One that another import brought is this one's too, so that an undo of either leaves it to the other.

-- name: users
INSERT INTO users (name) SELECT DISTINCT name FROM jsonb_to_recordset(%(rows)s) AS r (name text, alias_of text)
WHERE NOT EXISTS (SELECT FROM users AS u WHERE u.name = r.name) ORDER BY name ON CONFLICT (name) DO NOTHING

-- name: users_aliases_again
UPDATE users AS u SET brought_by = brought_too(u.brought_by, %(job_number)s)
FROM jsonb_to_recordset(%(rows)s) AS r (name text, alias_of text) JOIN users AS a ON a.name = r.alias_of
WHERE u.name = r.name AND u.alias_of = coalesce(a.alias_of, a.id) AND u.brought_by IS NOT NULL

-- name: users_aliases
-- Only of names that nothing came under yet: two users are never made one by an import.
UPDATE users AS u SET alias_of = coalesce(a.alias_of, a.id), brought_by = ARRAY[%(job_number)s]::integer[]
FROM jsonb_to_recordset(%(rows)s) AS r (name text, alias_of text) JOIN users AS a ON a.name = r.alias_of
WHERE u.name = r.name AND u.alias_of IS NULL AND u.merge_requested_at IS NULL AND coalesce(a.alias_of, a.id) <> u.id
  AND NOT EXISTS (SELECT FROM users AS o WHERE o.alias_of = u.id)
  AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.user_id = u.id)
  AND NOT EXISTS (SELECT FROM messages AS m WHERE m.user_id = u.id AND m.session_id IS NULL)

-- name: projects_again
UPDATE projects AS p SET brought_by = brought_too(p.brought_by, %(job_number)s), is_named = p.is_named OR r.is_named
FROM jsonb_to_recordset(%(rows)s) AS r (path text, is_named boolean)
WHERE p.path_key = md5(r.path)::uuid AND (NOT %(job_number)s = ANY(coalesce(p.brought_by, '{0}')) OR r.is_named AND NOT p.is_named)

-- name: projects
-- In the order of their ids, so that a tracker that has none gives them the same ones, if no number was left out.
INSERT INTO projects (path, name, is_named, group_name, is_archived, is_kept_apart, visibility, brought_by)
SELECT path, name, is_named, group_name, is_archived, is_kept_apart, visibility, ARRAY[%(job_number)s]
FROM jsonb_to_recordset(%(rows)s) AS r (id bigint, path text, name text, is_named boolean, group_name text, is_archived boolean, is_kept_apart boolean,
    visibility text)
WHERE NOT EXISTS (SELECT FROM projects AS p WHERE p.path_key = md5(r.path)::uuid) ORDER BY id ON CONFLICT (path_key) DO NOTHING

-- name: project_places
-- Places from a claude.json go with this import.
INSERT INTO project_places AS p (told_by, path, common_dir, remote, inside, is_main, told_at, brought_by)
SELECT DISTINCT ON (t.told_by, r.path) t.told_by, r.path, common_dir, remote, inside, is_main, least(told_at, now()), ARRAY[%(job_number)s]::integer[]
FROM jsonb_to_recordset(%(rows)s) AS r (told_by text, path text, common_dir text, remote text, inside text, is_main boolean, told_at timestamptz),
     LATERAL (SELECT CASE WHEN r.told_by LIKE 'import:%%' THEN 'import:' || %(job_number)s ELSE r.told_by END AS told_by) AS t
ORDER BY t.told_by, r.path, told_at DESC
ON CONFLICT (told_by, path_key) DO UPDATE SET brought_by = brought_too(p.brought_by, %(job_number)s) WHERE p.brought_by IS NOT NULL

-- name: project_rules
-- Applied to the projects that are here, as a new rule is. There are no more than people may make.
INSERT INTO project_rules AS o (pattern, project_id, brought_by)
SELECT DISTINCT ON (r.pattern) r.pattern, p.id, ARRAY[%(job_number)s]::integer[] FROM jsonb_to_recordset(%(rows)s) AS r (pattern text, project_path text)
JOIN projects AS p ON p.path_key = md5(r.project_path)::uuid
ORDER BY r.pattern LIMIT greatest(%(most_rules)s - (SELECT count(*) FROM project_rules), 0)
ON CONFLICT (md5(pattern)) DO UPDATE SET brought_by = brought_too(o.brought_by, %(job_number)s) WHERE o.brought_by IS NOT NULL

-- name: dropped_texts_again
UPDATE dropped_texts AS d SET brought_by = brought_too(d.brought_by, %(job_number)s)
FROM jsonb_to_recordset(%(rows)s) AS r (session_id text) WHERE d.session_id = r.session_id AND d.brought_by IS NOT NULL

-- name: dropped_texts
-- A session that is here with its texts keeps them; of two imports the later time counts.
INSERT INTO dropped_texts AS d (session_id, before, is_done, brought_by)
SELECT r.session_id, max(r.before), true, ARRAY[%(job_number)s]::integer[] FROM jsonb_to_recordset(%(rows)s) AS r (session_id text, before timestamptz)
WHERE NOT EXISTS (SELECT FROM sessions AS s WHERE s.session_id = r.session_id AND s.counted)
GROUP BY r.session_id ORDER BY 1
ON CONFLICT (session_id) DO UPDATE SET before = greatest(d.before, excluded.before), brought_by = brought_too(d.brought_by, %(job_number)s)
WHERE d.brought_by IS NOT NULL

-- name: machines
INSERT INTO machines AS m (machine_id, name, user_name, first_seen_at, last_heard_at, report, brought_by)
SELECT DISTINCT ON (machine_id) machine_id, name, "user", first_seen_at, last_heard_at, report, ARRAY[%(job_number)s]::integer[]
FROM jsonb_to_recordset(%(rows)s) AS r (machine_id text, name text, "user" text, first_seen_at timestamptz, last_heard_at timestamptz, report jsonb)
ORDER BY machine_id
ON CONFLICT (machine_id) DO UPDATE SET brought_by = brought_too(m.brought_by, %(job_number)s) WHERE m.brought_by IS NOT NULL

-- name: beside_session
INSERT INTO $table AS m ($columns, brought_by)
SELECT DISTINCT $values, ARRAY[%(job_number)s]::integer[] FROM jsonb_populate_recordset(NULL::$table, %(rows)s) AS r
JOIN sessions AS s USING (session_id) ORDER BY 1
ON CONFLICT ON CONSTRAINT $key DO UPDATE SET brought_by = brought_too(m.brought_by, %(job_number)s) WHERE m.brought_by IS NOT NULL

-- name: session_marks_again
UPDATE session_marks AS m SET brought_by = brought_too(m.brought_by, %(job_number)s)
FROM jsonb_to_recordset(%(rows)s) AS r (session_id text) WHERE m.session_id = r.session_id AND m.brought_by IS NOT NULL

-- name: session_marks
-- Marks of people here stay. The later marks of two imports count.
INSERT INTO session_marks AS m (session_id, is_starred, tags, tag_keys, note, title, visibility, changed_at, brought_by)
SELECT DISTINCT ON (r.session_id) r.session_id, is_starred, tags, tag_keys, note, title, visibility, least(changed_at, now()), ARRAY[%(job_number)s]::integer[]
FROM jsonb_to_recordset(%(rows)s) AS r (session_id text, is_starred boolean, tags text[], tag_keys text[], note text, title text, visibility text,
    changed_at timestamptz)
JOIN (SELECT session_id FROM sessions) AS s USING (session_id) ORDER BY r.session_id
ON CONFLICT (session_id) DO UPDATE SET is_starred = excluded.is_starred, tags = excluded.tags, tag_keys = excluded.tag_keys, note = excluded.note,
    title = excluded.title, visibility = excluded.visibility, changed_at = excluded.changed_at
WHERE m.brought_by IS NOT NULL AND m.changed_at < excluded.changed_at

-- name: saved_views_again
UPDATE saved_views AS v SET brought_by = brought_too(v.brought_by, %(job_number)s)
FROM jsonb_to_recordset(%(rows)s) AS r (id uuid) WHERE v.id = r.id AND v.brought_by IS NOT NULL

-- name: saved_views
INSERT INTO saved_views (id, name, address, created_at, brought_by)
SELECT DISTINCT ON (lower(name)) id, name, address, least(created_at, now()), ARRAY[%(job_number)s]::integer[]
FROM jsonb_to_recordset(%(rows)s) AS r (id uuid, name text, address text, created_at timestamptz)
WHERE NOT EXISTS (SELECT FROM saved_views AS v WHERE lower(v.name) = lower(r.name) OR v.id = r.id) ORDER BY lower(name)
ON CONFLICT DO NOTHING

-- name: live_file
-- A file of a machine. If this tracker has it already, it stays as it is.
INSERT INTO transcript_files (session_id, file_name, machine_id, generation, user_name, brought_by, stored_offset, parsed_offset, parser_version, facts_ids,
    dropped_to, created_at, changed_at)
SELECT %(session_id)s, %(file_name)s, %(machine_id)s, %(generation)s, %(user_name)s, ARRAY[%(job_number)s]::integer[], %(size)s, %(size)s,
    %(parser_version)s, %(facts_ids)s::uuid[], %(dropped_to)s, %(created_at)s, %(changed_at)s
ON CONFLICT DO NOTHING RETURNING id

-- name: brought_again
-- Its content is the same: an undo of either import leaves it to the other.
UPDATE transcript_files AS f SET brought_by = brought_too(f.brought_by, %(job_number)s)
WHERE session_id = %(session_id)s AND file_name = %(file_name)s AND machine_id = %(machine_id)s AND generation = %(generation)s
  AND brought_by IS NOT NULL AND NOT %(job_number)s = ANY(brought_by)
  AND (SELECT array_agg(sha256 ORDER BY number) FROM transcript_segments AS s WHERE s.file_id = f.id) = %(sha256s)s::bytea[]
