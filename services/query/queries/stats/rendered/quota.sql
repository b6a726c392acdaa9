-- name: readings
WITH newest AS (
    SELECT user_id, machine_id, key_id, account, source, kind, max(resets_at) AS resets_at FROM quota_readings
    WHERE %(kind)s::text IS NULL OR kind = %(kind)s
    GROUP BY user_id, machine_id, key_id, account, source, kind
)
SELECT coalesce(u.alias_of, q.user_id) AS user_id, own.name AS user, q.machine_id, nullif(q.key_id, '') AS key_id, q.account, q.source, q.kind, q.resets_at,
    q.used_percentage::float8 AS used_percentage, q.first_read_at, q.last_read_at
FROM newest
JOIN quota_readings AS q ON (q.user_id, q.machine_id, q.key_id, q.account, q.source, q.kind)
        = (newest.user_id, newest.machine_id, newest.key_id, newest.account, newest.source, newest.kind)
    AND (q.resets_at = newest.resets_at OR q.resets_at > now())
LEFT JOIN users AS u ON u.id = q.user_id
LEFT JOIN users AS own ON own.id = coalesce(u.alias_of, q.user_id)
WHERE %(user)s::text IS NULL OR own.id = (SELECT person_of(%(user)s))
ORDER BY q.first_read_at, q.used_percentage

-- name: active_quarters
SELECT bucket_start, sum(active_us) / 1e6::float8 AS active_seconds FROM activity_rollups
WHERE project_id = -1 AND user_id = ANY (%(user_ids)s::bigint[]) AND grain_minutes = 15 AND active_us > 0
    AND bucket_start > %(since)s::timestamptz - interval '15 minutes'
GROUP BY bucket_start ORDER BY bucket_start
