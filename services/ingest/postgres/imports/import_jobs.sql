-- name: add_job
WITH job AS (
    INSERT INTO import_jobs (id, files, user_name, bytes_total, request_id, key_id)
    VALUES (%(id)s, %(files)s, %(user_name)s, %(bytes_total)s, %(request_id)s, %(key_id)s)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO import_shares (job_id, share) SELECT id, generate_series(0, %(shares)s - 1) FROM job RETURNING job_id

-- name: has_blob
SELECT FROM import_jobs WHERE id = %(id)s AND files @> jsonb_build_array(jsonb_build_object('blob_url', %(blob_url)s::text))

-- name: job
SELECT status, projects_imported, sessions_imported, sessions_updated, conversations_imported, activities_imported,
       tool_calls_imported, duplicates, skipped_records, errors, errors_total
FROM import_jobs WHERE id = %(id)s

-- name: cancel_job
-- Each of these gives one row: the job's status, NULL if there is no such job, and whether it was done. The job of live capture has no user.
WITH done AS (
    UPDATE import_jobs SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
    WHERE id = %(id)s AND kind = ANY(%(kinds)s) AND status IN ('queued', 'running') RETURNING id
)
SELECT (SELECT status FROM import_jobs WHERE id = %(id)s AND kind <> 'capture') AS status, EXISTS (SELECT FROM done) AS done

-- name: retry_job
WITH done AS (
    UPDATE import_jobs SET status = 'queued', stage = 'queued', finished_at = NULL
    WHERE id = %(id)s AND kind <> 'capture' AND status = 'failed' AND has_files RETURNING id, new.status
), shares AS (
    UPDATE import_shares AS s SET outcome = NULL, attempts = 0 FROM done WHERE s.job_id = done.id AND s.outcome = 'given_up'
)
SELECT coalesce((SELECT status FROM done), (SELECT status FROM import_jobs WHERE id = %(id)s AND kind <> 'capture')) AS status, EXISTS (SELECT FROM done) AS done,
       (SELECT count(*) FROM import_shares WHERE job_id = %(id)s) AS shares

-- name: add_undo_job
WITH undoing AS (
    INSERT INTO import_jobs (id, kind, undoes, files, has_files, request_id)
    SELECT %(undo_id)s, 'undo', id, '[]', false, %(request_id)s FROM import_jobs
    WHERE id = %(id)s AND kind = 'import' AND status NOT IN ('queued', 'running')
    ON CONFLICT (undoes) WHERE status IN ('queued', 'running', 'succeeded') DO NOTHING
    RETURNING id, status
), shares AS (
    INSERT INTO import_shares (job_id, share) SELECT id, 0 FROM undoing
), found AS (
    SELECT id, status FROM undoing
    UNION ALL SELECT id, status FROM import_jobs WHERE undoes = %(id)s AND status IN ('queued', 'running', 'succeeded')
)
SELECT (SELECT status FROM import_jobs WHERE id = %(id)s AND kind <> 'capture') AS status, f.id IS NOT NULL AS done, f.id AS undo_id, f.status AS undo_status
FROM (SELECT 1) AS one LEFT JOIN found AS f ON true LIMIT 1

-- name: add_reparse
-- Only where there is something to read.
WITH job AS (
    INSERT INTO import_jobs (id, kind, files, has_files, selection, request_id)
    SELECT %(id)s, 'reparse', '[]', false, %(selection)s, %(request_id)s
    WHERE EXISTS (SELECT FROM transcript_files AS f LEFT JOIN sessions AS s USING (session_id)
                  WHERE (%(session_id)s::text IS NULL OR f.session_id = %(session_id)s)
                    AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s))
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), shares AS (
    INSERT INTO import_shares (job_id, share) SELECT id, 0 FROM job
)
SELECT true AS is_known, EXISTS (SELECT FROM job) AS done
WHERE EXISTS (SELECT FROM job) OR EXISTS (SELECT FROM import_jobs WHERE id = %(id)s)

-- name: add_export
WITH known AS (
    SELECT j.id FROM import_jobs AS j JOIN exports AS e USING (id)
    WHERE j.kind = 'export' AND j.status IN ('queued', 'running') AND j.cancel_requested_at IS NULL AND j.selection = %(selection)s
      AND (%(bound_user)s::text IS NULL AND e.bound_user IS NULL OR is_same_person(e.bound_user, %(bound_user)s))
), job AS (
    INSERT INTO import_jobs (id, kind, files, has_files, selection, request_id, key_id)
    SELECT %(id)s, 'export', '[]', false, %(selection)s, %(request_id)s, %(key_id)s
    WHERE NOT EXISTS (SELECT FROM known)
      AND (%(user)s::text IS NULL OR EXISTS (SELECT FROM users WHERE name = %(user)s))
      AND (%(project_id)s::bigint IS NULL OR EXISTS (SELECT FROM projects WHERE id = %(project_id)s))
    RETURNING id
), shares AS (
    INSERT INTO import_shares (job_id, share) SELECT id, 0 FROM job
), export AS (
    INSERT INTO exports (id, bound_user) SELECT id, %(bound_user)s FROM job
)
SELECT coalesce((SELECT id FROM job), (SELECT id FROM known LIMIT 1)) AS id, EXISTS (SELECT FROM job) AS done

-- name: delete_export
-- One that is being written stops within a second. One that is written is deleted by the worker's sweep.
WITH export AS (
    UPDATE exports SET expires_at = least(expires_at, now())
    WHERE id = %(id)s AND (%(of_user)s::text IS NULL OR is_same_person(bound_user, %(of_user)s)) RETURNING id
), job AS (
    UPDATE import_jobs AS j SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
    FROM export AS e WHERE j.id = e.id AND j.status IN ('queued', 'running')
)
SELECT true AS done FROM export

-- name: unseen
-- Returns indexes, since they are small.
SELECT n - 1 AS index FROM unnest(%(sha256s)s::bytea[]) WITH ORDINALITY AS f (sha256, n)
WHERE NOT EXISTS (
    SELECT FROM imported_files AS i JOIN import_jobs AS j ON j.number = i.job_number
    WHERE i.sha256 = f.sha256 AND i.reader_version >= %(reader_version)s AND (
        %(user_name)s::text IS NULL OR is_same_person(j.user_name, %(user_name)s)))
ORDER BY n
