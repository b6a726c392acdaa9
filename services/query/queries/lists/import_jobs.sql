-- name: jobs
-- Without the job of live capture, which nobody started, and exports, which have a list of their own. For an undo: how many sessions are left, and how many the import had made.
SELECT j.id AS job_id, j.kind, j.status, j.user_name AS "user", j.stage, j.bytes_done, j.bytes_total, j.files_done, j.rows_done,
    j.created_at, j.started_at, j.finished_at, j.cancel_requested_at, j.undoes, j.undone_at, j.status = 'failed' AND j.has_files AS can_retry,
    j.projects_imported, j.sessions_imported, j.sessions_updated, j.conversations_imported, j.activities_imported, j.tool_calls_imported,
    j.api_calls_imported, j.duplicates,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', f -> 'name', 'bytes', f -> 'bytes', 'kind', f -> 'kind')), '[]')
     FROM jsonb_array_elements(j.files) AS f) AS files,
    j.unknown_records, j.skipped_records, j.redactions, j.selection, j.changes, j.errors, j.errors_total,
    CASE WHEN j.kind = 'undo' AND j.status = 'running'
         THEN (SELECT count(*) FROM import_sessions AS s WHERE s.job_number = u.number) END AS sessions_left, u.sessions_imported AS sessions_made
FROM import_jobs AS j LEFT JOIN import_jobs AS u ON u.id = j.undoes
WHERE j.kind NOT IN ('capture', 'export') AND (%(ids)s::uuid[] IS NULL OR j.id = ANY (%(ids)s)) AND (%(key_id)s::text IS NULL OR j.key_id = %(key_id)s)
    AND (%(after_time)s::timestamptz IS NULL OR (j.created_at, j.id) < (%(after_time)s, %(after_id)s::uuid))
ORDER BY j.created_at DESC, j.id DESC
LIMIT %(fetch)s
