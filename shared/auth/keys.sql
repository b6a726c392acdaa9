-- name: find
-- A key that is not revoked, or a login of one, by its id. A key that is bound to a project that became part of another is bound to the whole: whoever
-- merged them agreed to that.
SELECT k.sha256, k.key_id, k.name, k.scopes, k.user_name, k.user_names,
       (SELECT array_agg(w.id ORDER BY w.place)
        FROM (SELECT coalesce(p.merged_into, i.id) AS id, min(i.place) AS place
              FROM unnest(k.project_ids) WITH ORDINALITY AS i (id, place) LEFT JOIN projects AS p ON p.id = i.id GROUP BY 1) AS w) AS project_ids,
       k.login_id, k.expires_at
FROM (
    SELECT sha256, id AS key_id, name, scopes, user_name, user_names, project_ids, NULL AS login_id, NULL::timestamptz AS expires_at
    FROM api_keys WHERE id = %(id)s AND revoked_at IS NULL
    UNION ALL
    SELECT l.sha256, k.id, k.name, k.scopes, k.user_name, k.user_names, k.project_ids, l.id, l.expires_at
    FROM key_logins l JOIN api_keys k ON k.id = l.key_id
    WHERE l.id = %(id)s AND l.expires_at > clock_timestamp() AND k.revoked_at IS NULL
) AS k
