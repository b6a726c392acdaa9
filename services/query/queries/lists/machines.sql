-- name: machines
-- A transcript is here if one file of its name is stored up to its length: of this machine, of another that has the same, or of an import.
-- A file that was rewritten counts by its last generation; what imports brought are no generations of one file.
-- A user may have other names; a machine has the one that its key or shipper said.
SELECT m.machine_id, m.name, coalesce(own.name, u.name, m.user_name) AS user, m.first_seen_at, m.last_heard_at,
    m.last_heard_at < now() - make_interval(hours => %(silent_hours)s) AS is_silent,
    m.report ->> 'tracker_version' AS tracker_version, m.report ->> 'claude_version' AS claude_version, m.report ->> 'os' AS os,
    coalesce((m.report ->> 'spool_files')::bigint, 0) AS spool_files, coalesce((m.report ->> 'spool_bytes')::bigint, 0) AS spool_bytes,
    coalesce((m.report ->> 'files_unsent')::bigint, 0) AS files_unsent, coalesce((m.report ->> 'bytes_unsent')::bigint, 0) AS bytes_unsent,
    (m.report ->> 'oldest_unsent_at')::timestamptz AS oldest_unsent_at,
    (m.report ->> 'cleanup_period_days')::bigint AS cleanup_period_days, m.report ->> 'last_error' AS last_error,
    (SELECT count(*) FROM session_machines AS s WHERE s.machine_id = m.machine_id) AS sessions_count,
    e.expiring_count, e.expiring_missing_count, e.expiring
FROM machines AS m
LEFT JOIN users AS u ON u.name = m.user_name
LEFT JOIN users AS own ON own.id = u.alias_of
CROSS JOIN LATERAL (
    SELECT count(*) AS expiring_count, count(*) FILTER (WHERE NOT is_here) AS expiring_missing_count,
        coalesce(jsonb_agg(jsonb_build_object('session_id', session_id, 'file', file, 'project_path', project_path, 'bytes', bytes,
            'changed_at', changed_at, 'deleted_after', deleted_after, 'is_here', is_here) ORDER BY place)
            FILTER (WHERE place <= %(shown)s), '[]') AS expiring
    FROM (
        SELECT *, row_number() OVER (ORDER BY is_here, deleted_after, file) AS place
        FROM (
            SELECT t.session_id, t.file, t.project_path, t.bytes, t.changed_at, t.deleted_after, EXISTS (
                SELECT FROM transcript_files AS f
                WHERE f.session_id = t.session_id AND f.file_name = t.file AND f.stored_offset >= t.bytes
                    AND is_file_of(f.bound_user, (SELECT s.user_id FROM sessions AS s WHERE s.session_id = f.session_id))
                    AND (f.machine_id = '' OR NOT EXISTS (
                        SELECT FROM transcript_files AS later
                        WHERE (later.session_id, later.file_name, later.machine_id) = (f.session_id, f.file_name, f.machine_id)
                            AND later.generation > f.generation))) AS is_here
            FROM jsonb_to_recordset(m.report -> 'expiring')
                AS t (session_id text, file text, project_path text, bytes bigint, changed_at timestamptz, deleted_after timestamptz)
            WHERE NOT %(is_bound)s
                OR EXISTS (SELECT FROM sessions AS s WHERE s.session_id = t.session_id)
                OR EXISTS (SELECT FROM projects AS p WHERE p.path = t.project_path)
        ) AS t
    ) AS t
) AS e
WHERE (%(user)s::text IS NULL OR is_same_person(m.user_name, %(user)s))
    AND (%(key_users)s::text[] IS NULL OR EXISTS (SELECT FROM unnest(%(key_users)s::text[]) AS k (name) WHERE is_same_person(m.user_name, k.name)))
    AND (%(after_name)s::text IS NULL OR (m.name, m.machine_id) > (%(after_name)s, %(after_id)s::text))
ORDER BY m.name, m.machine_id
LIMIT %(fetch)s
