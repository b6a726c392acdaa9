-- name: key
-- The key that an import came by, as it is now. A key that is not there any more has no scope.
SELECT j.key_id, coalesce(k.scopes, '{}') AS scopes, k.user_name, k.project_ids, k.revoked_at IS NOT NULL AS is_revoked
FROM import_jobs AS j LEFT JOIN api_keys AS k ON k.id = j.key_id WHERE j.number = %(job_number)s
