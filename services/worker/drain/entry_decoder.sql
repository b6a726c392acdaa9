-- name: job
SELECT number, (SELECT j.user_name FROM api_keys AS k WHERE k.id = j.key_id AND k.user_name IS NOT NULL) AS bound_user,
       (SELECT k.project_ids FROM api_keys AS k WHERE k.id = j.key_id) AS bound_projects
FROM import_jobs AS j
WHERE 'import:' || id = %(journal_entry_id)s AND undone_at IS NULL
  AND NOT EXISTS (SELECT FROM import_jobs AS u WHERE u.undoes = j.id AND u.status IN ('queued', 'running', 'succeeded'))
