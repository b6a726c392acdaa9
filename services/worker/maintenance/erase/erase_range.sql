-- name: delete
DELETE FROM $table WHERE session_id = %(session_id)s AND occurred_at >= %(from_at)s AND occurred_at < %(to_at)s $but

-- name: cut_facts
-- The gap behind a record counts as active too. Where rows are left, they say so themselves.
UPDATE session_facts AS f SET title = NULL, title_rank = 0,
    active_ranges = active_ranges - tstzmultirange(tstzrange(%(from_at)s, %(to_at)s::timestamptz + %(idle_gap)s)),
    first_record_at = CASE WHEN first_record_at <@ r.range THEN NULL ELSE first_record_at END,
    last_record_at = CASE WHEN last_record_at <@ r.range THEN NULL ELSE last_record_at END,
    ended_at = CASE WHEN ended_at <@ r.range THEN NULL ELSE ended_at END
FROM (SELECT tstzrange(%(from_at)s, %(to_at)s) AS range) AS r
WHERE session_id = %(session_id)s
