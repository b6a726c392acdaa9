-- name: exports
SELECT e.id AS export_id, CASE WHEN j.status = 'succeeded' AND e.expires_at <= now() THEN 'expired' ELSE j.status END AS status, j.selection,
    j.created_at, j.started_at, j.finished_at, e.snapshot_at, e.sessions_done, e.sessions_total, j.rows_done, j.bytes_done, j.bytes_total, e.counts,
    e.bytes, encode(e.sha256, 'hex') AS sha256, e.expires_at, j.errors
FROM exports AS e JOIN import_jobs AS j USING (id)
WHERE (%(id)s::uuid IS NULL OR e.id = %(id)s) AND (%(of_user)s::text IS NULL OR is_same_person(e.bound_user, %(of_user)s))
ORDER BY j.created_at DESC, e.id DESC LIMIT 100
