-- name: set_rule
-- A former name of a user stands for the user.
WITH owner AS (
    SELECT (SELECT id FROM projects WHERE id = %(project_id)s) AS project_id,
           (SELECT person_of(%(user)s)) AS user_id
), rule AS (
    INSERT INTO retention_rules AS r (what, project_id, user_id, days, key_id)
    SELECT %(what)s, o.project_id, o.user_id, %(days)s, %(key_id)s FROM owner AS o
    WHERE (%(project_id)s::bigint IS NULL OR o.project_id IS NOT NULL) AND (%(user)s::text IS NULL OR o.user_id IS NOT NULL)
    ON CONFLICT (what, project_id, user_id) DO UPDATE SET days = excluded.days, key_id = excluded.key_id, changed_at = clock_timestamp()
    RETURNING id
)
SELECT coalesce((SELECT id::text FROM rule), CASE WHEN %(user)s::text IS NULL THEN 'no project' ELSE 'no user' END) AS outcome,
    EXISTS (SELECT FROM rule) AS done

-- name: allow
WITH tombstone AS (
    DELETE FROM tombstones WHERE key IN (SELECT tombstone_keys('session', %(session_id)s)) AND reason = 'expired' RETURNING true
), mark AS (
    DELETE FROM dropped_texts WHERE session_id = %(session_id)s AND is_done RETURNING true
), forgotten AS (
    -- Else a client would not send a file again whose content is known. The files of a session that is gone are not known.
    DELETE FROM imported_files WHERE EXISTS (SELECT FROM tombstone)
        OR EXISTS (SELECT FROM mark) AND job_number IN (SELECT job_number FROM import_sessions WHERE session_id = %(session_id)s)
)
SELECT EXISTS (SELECT FROM tombstone) AS session, EXISTS (SELECT FROM mark) AS texts,
    EXISTS (SELECT FROM tombstone) OR EXISTS (SELECT FROM mark) AS done
