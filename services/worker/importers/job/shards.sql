-- name: take
-- Two tasks may be sent for one shard. Only one of them takes it.
WITH taken AS (
    UPDATE import_shares AS s SET {taken} FROM import_jobs AS j
    WHERE s.job_id = %(job_id)s AND s.share = %(share)s AND j.id = s.job_id AND j.status IN ('queued', 'running')
      AND s.outcome IS NULL AND {is_free}
    RETURNING s.job_id, s.share, s.checkpoint, s.attempts, s.lease_token
)
UPDATE import_jobs AS j SET status = 'running', started_at = coalesce(started_at, now()),
    stage = %(stages)s ->> kind
FROM taken WHERE j.id = taken.job_id
RETURNING j.id AS job_id, share AS number, (SELECT count(*) FROM import_shares AS s WHERE s.job_id = j.id) AS shards, j.number AS job_number, kind,
          (SELECT number FROM import_jobs AS u WHERE u.id = j.undoes) AS undoes, files, user_name AS user,
          (SELECT j.user_name FROM api_keys AS k WHERE k.id = j.key_id AND k.user_name IS NOT NULL) AS bound_user,
          (SELECT k.project_ids FROM api_keys AS k WHERE k.id = j.key_id) AS bound_projects, coalesce(request_id, '') AS request_id,
          created_at AS accepted_at, checkpoint, attempts, lease_token, cancel_requested_at IS NOT NULL AS is_cancelled

-- name: advance_share
UPDATE import_shares SET {got_on}, moved_at = now(), checkpoint = %(checkpoint)s, bytes_done = greatest(bytes_done, %(bytes_done)s),
    is_damaged = is_damaged OR %(is_damaged)s
WHERE job_id = %(job_id)s AND share = %(share)s AND lease_token = %(lease_token)s

-- name: advance_job
UPDATE import_jobs SET bytes_done = (SELECT avg(bytes_done) FROM import_shares WHERE job_id = %(job_id)s)::bigint,
    rows_done = rows_done + %(rows)s, files_done = files_done + %(files)s, errors_total = errors_total + %(errors_total)s,
    errors = jsonb_path_query_array(errors || %(errors)s::jsonb, '$[0 to 99]'), unknown_records = sum_of_each(unknown_records, %(unknown_records)s),
    skipped_records = sum_of_each(skipped_records, %(skipped_records)s), redactions = sum_of_each(redactions, %(redactions)s),
    projects_imported = projects_imported + %(projects)s, sessions_imported = sessions_imported + %(sessions)s,
    sessions_updated = sessions_updated + %(sessions_updated)s, conversations_imported = conversations_imported + %(messages)s,
    activities_imported = activities_imported + %(activities)s, tool_calls_imported = tool_calls_imported + %(tool_calls)s,
    api_calls_imported = api_calls_imported + %(api_calls)s, duplicates = duplicates + %(duplicates)s
WHERE id = %(job_id)s RETURNING cancel_requested_at IS NOT NULL

-- name: finish_share
UPDATE import_shares AS s SET outcome = %(outcome)s, lease_expires_at = NULL, bytes_done = CASE %(outcome)s WHEN 'succeeded' THEN j.bytes_total ELSE s.bytes_done END
FROM import_jobs AS j WHERE j.id = s.job_id AND s.job_id = %(job_id)s AND s.share = %(share)s AND lease_token = %(lease_token)s

-- name: finish_job
-- The last shard to end ends the job. A job that gave up for reasons outside of its files keeps them for a retry.
UPDATE import_jobs AS j SET status = o.status, stage = o.status, finished_at = now(), has_files = has_files AND o.may_be_retried,
    bytes_done = CASE o.status WHEN 'succeeded' THEN bytes_total ELSE bytes_done END
FROM (SELECT CASE WHEN bool_or(outcome = 'cancelled') THEN 'cancelled' WHEN bool_or(is_damaged OR outcome = 'given_up') THEN 'failed' ELSE 'succeeded' END AS status,
             bool_or(outcome = 'given_up') AS may_be_retried
      FROM import_shares WHERE job_id = %(job_id)s HAVING bool_and(outcome IS NOT NULL)) AS o
WHERE j.id = %(job_id)s AND j.status = 'running'
RETURNING j.status, j.has_files

-- name: renew
UPDATE import_shares SET {renewed} WHERE job_id = %(job_id)s AND share = %(share)s AND lease_token = %(lease_token)s AND outcome IS NULL

-- name: add_error
UPDATE import_jobs SET errors_total = errors_total + 1, errors = jsonb_path_query_array(errors || %(error)s::jsonb, '$[0 to 99]')
WHERE id = %(job_id)s

-- name: put_back
UPDATE import_shares SET {put_back} WHERE job_id = %(job_id)s AND share = %(share)s AND lease_token = %(lease_token)s
