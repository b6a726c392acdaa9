-- name: begin_scheduled
INSERT INTO jobs (id, kind, is_exclusive, options) VALUES (%(id)s, 'retention', true, '{"is_scheduled": true}') ON CONFLICT DO NOTHING RETURNING id

-- name: bytes_after
UPDATE jobs SET counts = counts || jsonb_build_object('bytes_after', pg_database_size(current_database())) WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: add_counts
INSERT INTO retention_counts AS t (run_id, what, project_id, sessions, rows, bytes)
SELECT %(id)s, c.what, c.project_id, c.sessions, c.rows, c.bytes
FROM jsonb_to_recordset(%(counts)s) AS c (what text, project_id bigint, sessions bigint, rows bigint, bytes bigint)
ON CONFLICT (run_id, what, project_id) DO UPDATE
SET sessions = t.sessions + excluded.sessions, rows = t.rows + excluded.rows, bytes = t.bytes + excluded.bytes

-- name: audit
-- One entry for each run that dropped something, whoever began it.
INSERT INTO audit_log (who, act, subject, details)
SELECT 'worker', 'retention.drop', %(id)s::text, jsonb_object_agg(what, dropped)
FROM (SELECT what, jsonb_build_object('sessions', sum(sessions), 'rows', sum(rows), 'bytes', sum(bytes)) AS dropped
      FROM retention_counts WHERE run_id = %(id)s GROUP BY what) AS counts
HAVING count(*) > 0

-- name: took_texts
-- A run that failed may have left it to this one.
SELECT FROM retention_counts AS c JOIN jobs AS r ON r.id = c.run_id
WHERE c.what IN ('sessions', 'texts') AND NOT r.is_dry_run
  AND (r.id = %(run_id)s OR r.status = 'failed' AND r.finished_at > coalesce((SELECT max(asked_at) FROM search_purges), '-infinity'))
LIMIT 1
