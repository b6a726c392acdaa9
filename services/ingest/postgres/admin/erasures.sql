-- name: unfinished
-- One that goes on, or that failed. Its rows may be gone already.
SELECT names, user_ids, project_ids FROM jobs
WHERE kind = 'erasure' AND status <> 'succeeded' AND options ->> 'of' = %(kind)s
  AND (%(name)s = ANY(names) OR options ->> 'of' = 'project' AND %(name)s = ANY(project_ids::text[]))
  AND is_dry_run = %(is_dry_run)s AND from_at IS NOT DISTINCT FROM %(from_at)s AND to_at IS NOT DISTINCT FROM %(to_at)s
ORDER BY status = 'failed', created_at DESC LIMIT 1

-- name: lock
-- The second of two requests at a time finds the job that the first has added.
SELECT pg_advisory_xact_lock(1741906)

-- name: same
-- One that erases all of this.
SELECT id, status = 'failed' AS has_failed FROM jobs
WHERE kind = 'erasure' AND status <> 'succeeded' AND options ->> 'of' = %(kind)s AND names @> %(names)s::text[] AND is_dry_run = %(is_dry_run)s
  AND from_at IS NOT DISTINCT FROM %(from_at)s AND to_at IS NOT DISTINCT FROM %(to_at)s
ORDER BY status = 'failed', created_at DESC LIMIT 1

-- name: find_session
-- A transcript may be stored that is not read yet. Other stores may have data of a session that was dropped, or whose import was undone.
SELECT ARRAY[%(name)s::text] AS names, ARRAY[%(name)s::text] AS confirmed_by
WHERE EXISTS (SELECT FROM sessions WHERE session_id = %(name)s) OR EXISTS (SELECT FROM transcript_files WHERE session_id = %(name)s)
   OR EXISTS (SELECT FROM session_marks WHERE session_id = %(name)s)
   OR EXISTS (SELECT FROM tombstones WHERE key IN (SELECT tombstone_keys('session', %(name)s)) AND reason = 'expired')

-- name: find_user
SELECT array_agg(name ORDER BY id) AS names, array_agg(id ORDER BY id) AS user_ids, ARRAY[%(name)s::text] AS confirmed_by
FROM users WHERE coalesce(alias_of, id) = (SELECT person_of(%(name)s))

-- name: find_project
-- With all that is part of it.
WITH RECURSIVE parts AS (
    SELECT id, path FROM projects WHERE id = %(name)s::bigint
    UNION SELECT p.id, p.path FROM projects AS p JOIN parts ON p.part_of = parts.id
)
SELECT array_agg(path ORDER BY id) AS names, array_agg(id ORDER BY id) AS project_ids,
       (SELECT ARRAY[path, name] FROM projects WHERE id = %(name)s::bigint) AS confirmed_by
FROM parts

-- name: begin_again
UPDATE jobs SET status = 'queued', attempts = 0, failure = NULL, moved_at = clock_timestamp(), lease_expires_at = NULL, finished_at = NULL
WHERE id = %(id)s AND status = 'failed'

-- name: lift
WITH named AS (
    DELETE FROM tombstones WHERE key IN (SELECT tombstone_keys(%(kind)s, %(name)s))
      AND (%(kind)s <> 'range' OR (from_at, to_at) = (%(from_at)s::timestamptz, %(to_at)s::timestamptz))
    RETURNING key, kind, job_id
),
-- The other names of a user, and the sessions of a user or a project.
with_it AS (
    DELETE FROM tombstones WHERE job_id IN (SELECT job_id FROM named WHERE kind IN ('user', 'project')) AND key NOT IN (SELECT key FROM named)
    RETURNING key
)
SELECT (SELECT count(*) FROM named) + (SELECT count(*) FROM with_it) AS lifted

-- name: reasons
-- The last row of a name counts: `erased` comes after `expired`.
SELECT n.kind, n.name, t.reason
FROM unnest(%(kinds)s::text[], %(names)s::text[]) AS n (kind, name) CROSS JOIN LATERAL tombstone_keys(n.kind, n.name) AS k (key)
JOIN tombstones AS t USING (key) ORDER BY t.reason DESC
