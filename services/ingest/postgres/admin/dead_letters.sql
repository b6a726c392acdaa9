-- name: one
SELECT id, kind, journal_entry_id, event_id, request_id, received_at, payload, bound, stored_at IS NOT NULL AS is_stored, last_seen_at
FROM dead_letters WHERE id = %(id)s

-- name: replayed
-- A row may be stored by the time that it is marked; that it was replayed is true all the same.
WITH marked AS (UPDATE dead_letters SET replayed_at = clock_timestamp(), replays = replays + 1 WHERE id = ANY(%(ids)s))
SELECT true AS done

-- name: group
-- Without rows that were replayed since `seen_before`: they are on their way, or have died again and will again.
SELECT id, kind, journal_entry_id, event_id, request_id, received_at, payload, bound
FROM (
    SELECT *, sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) AS bytes_before
    FROM (
        SELECT * FROM dead_letters
        WHERE stored_at IS NULL AND last_seen_at < %(seen_before)s AND coalesce(replayed_at, '-infinity') < %(seen_before)s
            AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
        ORDER BY id LIMIT %(most_letters)s
    ) AS first
) AS g
WHERE bytes_before < %(most_bytes)s ORDER BY id

-- name: left
SELECT count(*) AS number FROM dead_letters
WHERE stored_at IS NULL AND last_seen_at < %(seen_before)s AND coalesce(replayed_at, '-infinity') < %(seen_before)s
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)

-- name: delete_group
WITH gone AS (
    DELETE FROM dead_letters WHERE id IN (
        SELECT id FROM dead_letters
        WHERE stored_at IS NULL AND last_seen_at < %(seen_before)s
            AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)
        ORDER BY id LIMIT %(most_letters)s)
    RETURNING id
)
SELECT (SELECT count(*) FROM gone) AS number,
    (SELECT count(*) FROM dead_letters
     WHERE stored_at IS NULL AND last_seen_at < %(seen_before)s
        AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(reason)s::text IS NULL OR reason = %(reason)s)) AS before
