-- name: find
SELECT w.kind, w.name, t.from_at, t.to_at
FROM unnest(%(kinds)s::text[], %(names)s::text[]) AS w (kind, name) CROSS JOIN LATERAL tombstone_keys(w.kind, w.name) AS k (key)
JOIN tombstones AS t USING (key)

-- name: write
-- `erased` replaces `expired`: only expired data may come back. A session's user and project are noted, by which exports select.
INSERT INTO tombstones AS t (key, kind, reason, user_id, project_id, job_id)
SELECT tombstone_key(%(kind)s, n.name), %(kind)s, %(reason)s, nullif(s.user_id, 0), nullif(coalesce(s.path_project_id, s.project_id), 0), %(job_id)s
FROM unnest(%(names)s::text[]) AS n (name) LEFT JOIN sessions AS s ON %(kind)s = 'session' AND s.session_id = n.name ORDER BY 1
ON CONFLICT (key, from_at, to_at) DO UPDATE SET reason = excluded.reason, job_id = excluded.job_id, created_at = excluded.created_at
WHERE t.reason = 'expired' AND excluded.reason = 'erased'

-- name: write_range
INSERT INTO tombstones (key, kind, reason, from_at, to_at, job_id)
VALUES (tombstone_key('range', %(session_id)s), 'range', 'erased', %(from_at)s, %(to_at)s, %(job_id)s)
ON CONFLICT (key, from_at, to_at) DO NOTHING

-- name: follow
INSERT INTO tombstones (key, kind, reason, job_id)
SELECT tombstone_key('session', w.session_id), 'session', t.reason, t.job_id
FROM unnest(%(session_ids)s::text[], %(kinds)s::text[], %(names)s::text[]) AS w (session_id, kind, name)
JOIN tombstones AS t ON t.key = tombstone_key(w.kind, w.name) ORDER BY 1
ON CONFLICT (key, from_at, to_at) DO NOTHING

-- name: forget_empty
DELETE FROM sessions AS s WHERE session_id = ANY(%(session_ids)s) AND NOT counted AND user_id = 0
  AND NOT EXISTS (SELECT FROM session_events AS e WHERE e.session_id = s.session_id)
  AND NOT EXISTS (SELECT FROM session_facts AS f WHERE f.session_id = s.session_id)
