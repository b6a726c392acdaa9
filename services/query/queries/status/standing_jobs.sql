-- name: standing
-- One that waits for a worker stands still, too. Each part reads an index of what is unfinished, or a small table.
SELECT kind, extract(epoch FROM clock_timestamp() - min(moved_at))::float8 AS seconds
FROM (
    SELECT 'scrub' AS kind, moved_at FROM scrubs WHERE status IN ('queued', 'running')
    UNION ALL SELECT 'erasure', moved_at FROM erasures WHERE status IN ('queued', 'running')
    UNION ALL SELECT 'retention', moved_at FROM retention_runs WHERE status IN ('queued', 'running')
    UNION ALL SELECT 'reprice', moved_at FROM reprices WHERE status IN ('queued', 'running')
    UNION ALL SELECT 'merge of users', merge_requested_at FROM users WHERE merge_requested_at IS NOT NULL
    UNION ALL SELECT 'merge of projects', rekey_requested_at FROM projects WHERE rekey_requested_at IS NOT NULL
    UNION ALL
    -- import, undo, reparse, export
    SELECT j.kind, s.moved_at FROM import_jobs AS j JOIN import_shares AS s ON s.job_id = j.id
    WHERE j.status IN ('queued', 'running') AND j.kind <> 'capture' AND s.outcome IS NULL
) AS unfinished
GROUP BY kind ORDER BY kind
