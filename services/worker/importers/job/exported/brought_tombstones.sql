-- Tombstones that an export brings: of what was erased or dropped in the other tracker.

-- name: insert_salts
-- As many as trackers that one imports of. Each is one more hash for each name that is looked for.
INSERT INTO tombstone_salts (salt)
SELECT DISTINCT decode(r.salt, 'hex') FROM jsonb_to_recordset(%(rows)s) AS r (salt text)
WHERE decode(r.salt, 'hex') <> tombstone_salt() AND NOT EXISTS (SELECT FROM tombstone_salts AS s WHERE s.salt = decode(r.salt, 'hex'))
LIMIT greatest(%(most_salts)s - (SELECT count(*) FROM tombstone_salts), 0)
ON CONFLICT DO NOTHING

-- name: sessions_here
-- Keys of these rows whose session this tracker has: it stays.
SELECT encode(h.key, 'hex')
FROM (SELECT DISTINCT decode(r.salt, 'hex') AS salt FROM jsonb_to_recordset(%(rows)s) AS r (salt text)) AS o
CROSS JOIN sessions AS s CROSS JOIN LATERAL tombstone_hash(o.salt, 'session', s.session_id) AS h (key)
WHERE s.counted AND h.key IN (SELECT decode(r.key, 'hex') FROM jsonb_to_recordset(%(rows)s) AS r (key text))

-- name: insert_sessions
-- Without those of a salt that was one too many.
INSERT INTO tombstones AS t (key, kind, reason, user_id, project_id, salt, job_id, created_at, brought_by)
SELECT DISTINCT ON (k.key) k.key, 'session', r.reason, coalesce(u.alias_of, u.id), p.id, nullif(k.salt, tombstone_salt()), r.job_id,
       least(r.created_at, now()), ARRAY[%(job_number)s]::integer[]
FROM jsonb_to_recordset(%(rows)s) AS r (key text, salt text, reason text, "user" text, project_path text, job_id uuid, created_at timestamptz)
CROSS JOIN LATERAL (SELECT decode(r.key, 'hex') AS key, decode(r.salt, 'hex') AS salt) AS k
LEFT JOIN users AS u ON u.name = r."user"
LEFT JOIN projects AS p ON p.path_key = md5(r.project_path)::uuid
WHERE k.salt = tombstone_salt() OR k.salt IN (SELECT salt FROM tombstone_salts)
ORDER BY k.key
ON CONFLICT (key, from_at, to_at) DO UPDATE SET brought_by = brought_too(t.brought_by, %(job_number)s)
WHERE t.brought_by IS NOT NULL AND NOT %(job_number)s = ANY(t.brought_by)

-- name: ranges_here
-- Sessions that were here before the import began, but for those that an earlier import has closed.
SELECT s.session_id FROM sessions AS s JOIN import_jobs AS j ON j.number = %(job_number)s
WHERE s.session_id = ANY(%(session_ids)s) AND s.counted AND s.created_at < j.created_at
  AND NOT EXISTS (SELECT FROM tombstones AS t WHERE t.key = tombstone_key('range', s.session_id) AND t.brought_by IS NOT NULL)

-- name: insert_ranges
-- Under this tracker's own salt, since the session has its name.
INSERT INTO tombstones AS t (key, kind, reason, from_at, to_at, job_id, created_at, brought_by)
SELECT DISTINCT ON (k.key, r.from_at, r.to_at) k.key, 'range', 'erased', r.from_at, r.to_at, r.job_id, least(r.created_at, now()),
       ARRAY[%(job_number)s]::integer[]
FROM jsonb_to_recordset(%(rows)s) AS r (session_id text, from_at timestamptz, to_at timestamptz, job_id uuid, created_at timestamptz)
CROSS JOIN LATERAL tombstone_key('range', r.session_id) AS k (key)
ORDER BY k.key, r.from_at, r.to_at
ON CONFLICT (key, from_at, to_at) DO UPDATE SET brought_by = brought_too(t.brought_by, %(job_number)s)
WHERE t.brought_by IS NOT NULL AND NOT %(job_number)s = ANY(t.brought_by)

-- name: forget
DELETE FROM tombstones WHERE brought_by = ARRAY[%(job_number)s]::integer[]

-- name: leave_to_others
UPDATE tombstones SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE %(job_number)s = ANY(brought_by)

-- name: forget_salts
DELETE FROM tombstone_salts AS s WHERE NOT EXISTS (SELECT FROM tombstones AS t WHERE t.salt = s.salt)
