-- name: rows
SELECT 'messages' AS table, id, session_id, nullif(occurred_at, '-infinity') AS timestamp, source, brought_by, role = 'user' AS is_persons
FROM messages WHERE id = ANY (%(ids)s)
UNION ALL SELECT 'tool_calls', id, session_id, nullif(occurred_at, '-infinity'), source, brought_by, false FROM tool_calls WHERE id = ANY (%(ids)s)
UNION ALL SELECT 'activities', id, session_id, nullif(occurred_at, '-infinity'), source, brought_by, false FROM activities WHERE id = ANY (%(ids)s)
UNION ALL SELECT 'api_calls', id, session_id, nullif(occurred_at, '-infinity'), source, brought_by, false FROM api_calls WHERE id = ANY (%(ids)s)
UNION ALL SELECT 'timeline_entries', id, session_id, nullif(occurred_at, '-infinity'), source, brought_by, false FROM timeline_entries WHERE id = ANY (%(ids)s)
ORDER BY timestamp, "table", id

-- name: claims
-- A copy alone contests nothing.
SELECT DISTINCT row_id, session_id FROM contested_rows AS c WHERE row_id = ANY (%(ids)s)
    AND EXISTS (SELECT FROM contested_rows AS o WHERE o.row_id = c.row_id AND o.session_id <> c.session_id)
ORDER BY session_id

-- name: jobs
SELECT number, id, kind FROM import_jobs WHERE number = ANY (%(numbers)s::integer[])

-- name: refused_events
SELECT count(*) AS refused FROM dead_letters WHERE event_id = ANY (%(ids)s) AND stored_at IS NULL
