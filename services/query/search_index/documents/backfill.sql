-- The next %(limit)s keys of a table behind the last one of before; the other columns are the place to go on from, as texts. The newest rows first, where
-- an index has that order.

-- name: messages
SELECT id::text AS key, occurred_at::text AS after, id::text AS after_id FROM messages
WHERE (occurred_at, id) < (%(after)s::timestamptz, %(after_id)s::uuid) ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: tool_calls
SELECT id::text AS key, occurred_at::text AS after, id::text AS after_id FROM tool_calls
WHERE occurred_at <= %(after)s::timestamptz AND (occurred_at, id) < (%(after)s::timestamptz, %(after_id)s::uuid)
ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: timeline_entries
SELECT id::text AS key, 'id' AS after, id::text AS after_id FROM timeline_entries
WHERE id >= %(after_id)s::uuid AND (id > %(after_id)s::uuid OR %(after)s <> 'id') ORDER BY id LIMIT %(limit)s

-- name: files
SELECT a.project_id || ' ' || f.file_key || ' ' || a.user_id AS key, 'id' AS after, f.file_key::text AS after_id
FROM (
    SELECT file_key FROM files WHERE file_key >= %(after_id)s::uuid AND (file_key > %(after_id)s::uuid OR %(after)s <> 'id')
    ORDER BY file_key LIMIT %(limit)s) AS f
LEFT JOIN LATERAL (SELECT DISTINCT project_id, user_id FROM activities AS a WHERE a.file_key = f.file_key) AS a ON true ORDER BY f.file_key

-- name: sessions
SELECT session_id AS key, dated_at::text AS after, session_id AS after_id FROM sessions
WHERE counted AND (dated_at, session_id) < (%(after)s::timestamptz, %(after_id)s) ORDER BY dated_at DESC, session_id DESC LIMIT %(limit)s
