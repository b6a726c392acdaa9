-- name: keys
SELECT id, name, scopes, user_name AS user, coalesce(user_names, CASE WHEN user_name IS NOT NULL THEN ARRAY[user_name] END) AS users, project_ids, created_at, last_used_at, revoked_at,
    (SELECT count(*) FROM key_logins AS l WHERE l.key_id = k.id AND l.expires_at > clock_timestamp()) AS logins
FROM api_keys AS k
WHERE %(after_time)s::timestamptz IS NULL OR (created_at, id) < (%(after_time)s, %(after_id)s::text)
ORDER BY created_at DESC, id DESC
LIMIT %(fetch)s

-- name: audit
SELECT id, at, who, (SELECT name FROM api_keys AS k WHERE k.id = who) AS key_name, act, subject, details, request_id
FROM audit_log
WHERE %(after_id)s::bigint IS NULL OR id < %(after_id)s
ORDER BY id DESC
LIMIT %(fetch)s
