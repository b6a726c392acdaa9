-- name: letters
-- By id, which is in the order of first_seen_at and never changes: a dead letter that fails again between two pages keeps its place.
SELECT id, kind, reason, sqlstate,
    CASE WHEN stored_at IS NOT NULL THEN 'stored' WHEN replayed_at > last_seen_at THEN 'replaying' ELSE 'waiting' END AS status,
    event_id, journal_entry_id, request_id, attempts, replays,
    received_at, first_seen_at, last_seen_at, replayed_at, stored_at, octet_length(payload) AS payload_bytes
FROM dead_letters
WHERE (%(is_stored)s OR stored_at IS NULL) AND (NOT %(is_stored)s OR stored_at IS NOT NULL)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
    AND (%(after_id)s::uuid IS NULL OR id < %(after_id)s)
ORDER BY id DESC
LIMIT %(fetch)s

-- name: letter
SELECT id, kind, reason, sqlstate,
    CASE WHEN stored_at IS NOT NULL THEN 'stored' WHEN replayed_at > last_seen_at THEN 'replaying' ELSE 'waiting' END AS status,
    event_id, journal_entry_id, request_id, attempts, replays,
    received_at, first_seen_at, last_seen_at, replayed_at, stored_at, octet_length(payload) AS payload_bytes, payload
FROM dead_letters WHERE id = %(id)s

-- name: groups
SELECT kind, reason, sqlstate, count(*) AS count, min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at,
    (array_agg(id ORDER BY id DESC))[1:3] AS newest, sum(count(*)) OVER ()::bigint AS total
FROM dead_letters
WHERE (%(is_stored)s OR stored_at IS NULL) AND (NOT %(is_stored)s OR stored_at IS NOT NULL)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
GROUP BY kind, reason, sqlstate
ORDER BY count DESC, last_seen_at DESC
LIMIT 100
