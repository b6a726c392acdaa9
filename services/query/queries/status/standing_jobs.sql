-- name: standing
-- One that waits for a worker stands still, too. Each part reads an index of what is unfinished, or a small table.
SELECT kind, extract(epoch FROM clock_timestamp() - min(moved_at))::float8 AS seconds
FROM (
    SELECT kind, moved_at FROM jobs WHERE status IN ('queued', 'running')
    UNION ALL SELECT 'merge of users', merge_requested_at FROM users WHERE merge_requested_at IS NOT NULL
    UNION ALL SELECT 'merge of projects', rekey_requested_at FROM projects WHERE rekey_requested_at IS NOT NULL
    UNION ALL
    -- import, undo, reparse, export
    SELECT j.kind, s.moved_at FROM import_jobs AS j JOIN import_shares AS s ON s.job_id = j.id
    WHERE j.status IN ('queued', 'running') AND j.kind <> 'capture' AND s.outcome IS NULL
) AS unfinished
GROUP BY kind ORDER BY kind
