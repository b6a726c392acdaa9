-- name: add
WITH added AS (
    INSERT INTO jobs (id, kind, is_exclusive, is_dry_run, at_stage, names, user_ids, project_ids, from_at, to_at, options, request_id)
    VALUES (%(id)s, %(kind)s, %(is_exclusive)s, %(is_dry_run)s, %(at_stage)s, %(names)s, %(user_ids)s, %(project_ids)s, %(from_at)s, %(to_at)s, %(options)s, %(request_id)s)
    ON CONFLICT DO NOTHING RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM added) THEN 'added' WHEN EXISTS (SELECT FROM jobs WHERE id = %(id)s) THEN 'there' ELSE 'busy' END AS outcome,
    EXISTS (SELECT FROM added) AS done

-- name: add_texts
INSERT INTO scrub_texts (scrub_id, half, redis_key) VALUES (%(id)s, %(half)s, %(redis_key)s)

-- name: let_in
-- While a scrub runs, what it was given stays out.
WITH scrub AS (
    UPDATE jobs SET options = options || '{"keep_out": false}'
    WHERE id = %(id)s AND kind = 'scrub' AND (options ->> 'keep_out')::boolean AND status NOT IN ('queued', 'running') RETURNING id
), texts AS (
    DELETE FROM kept_out_texts WHERE scrub_id IN (SELECT id FROM scrub)
)
SELECT (SELECT status FROM jobs WHERE id = %(id)s AND kind = 'scrub') AS status, EXISTS (SELECT FROM scrub) AS done
