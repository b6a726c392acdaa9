-- name: add
-- Nothing if a project does not exist, or is part of another; the answer says which can be named, and of which whole the others are parts. They are held, so that no merge overlooks the key.
WITH held AS (
    SELECT id FROM projects WHERE id = ANY(%(project_ids)s::bigint[]) AND merged_into IS NULL ORDER BY id FOR SHARE
), known AS (
    SELECT coalesce(array_agg(id), '{}') AS ids FROM held
), parts AS (
    SELECT coalesce(jsonb_object_agg(id, merged_into), '{}') AS wholes
    FROM projects WHERE id = ANY(%(project_ids)s::bigint[]) AND merged_into IS NOT NULL
), added AS (
    INSERT INTO api_keys (id, name, sha256, scopes, user_name, user_names, project_ids)
    SELECT %(id)s, %(name)s, %(sha256)s, %(scopes)s, %(user_name)s, %(user_names)s, %(project_ids)s FROM known
    WHERE coalesce(%(project_ids)s::bigint[], '{}') <@ known.ids
    RETURNING created_at
)
SELECT known.ids, parts.wholes, (SELECT created_at FROM added) AS created_at FROM known, parts

-- name: revoke
-- A key that is revoked stays revoked at its time.
WITH done AS (
    UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = %(id)s AND revoked_at IS NULL RETURNING revoked_at
), logged_out AS (
    DELETE FROM key_logins WHERE key_id = %(id)s
)
SELECT name, coalesce((SELECT revoked_at FROM done), k.revoked_at) AS revoked_at, EXISTS (SELECT FROM done) AS done
FROM api_keys AS k WHERE id = %(id)s

-- name: list
SELECT id, name, scopes, user_name AS user, project_ids, created_at, last_used_at, revoked_at FROM api_keys ORDER BY created_at DESC, id

-- name: log_in
-- Deletes also what has ended, of any key, and the oldest of this key beyond LOGINS_OF_A_KEY.
WITH ended AS (
    DELETE FROM key_logins WHERE expires_at <= clock_timestamp() OR id IN (
        SELECT id FROM key_logins WHERE key_id = %(key_id)s ORDER BY created_at DESC, id OFFSET %(kept)s
    )
)
INSERT INTO key_logins (id, key_id, sha256, expires_at)
VALUES (%(id)s, %(key_id)s, %(sha256)s, clock_timestamp() + %(seconds)s * interval '1 second')
RETURNING expires_at

-- name: used
UPDATE api_keys AS k SET last_used_at = u.at FROM unnest(%(ids)s::text[], %(times)s::timestamptz[]) AS u (id, at)
WHERE k.id = u.id AND coalesce(k.last_used_at, '-infinity') < u.at
