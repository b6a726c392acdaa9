-- The next %(limit)s keys of a table behind the last one of before, as texts; the last columns are the place to go on from. Newest rows first.

-- name: first_messages
SELECT id::text AS key, occurred_at::text AS after, id::text AS after_id FROM messages ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: next_messages
SELECT id::text AS key, occurred_at::text AS after, id::text AS after_id FROM messages
WHERE (occurred_at, id) < (%(after)s::timestamptz, %(after_id)s::uuid) ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: first_tool_calls
SELECT id::text AS key, occurred_at::text AS after, id::text AS after_id FROM tool_calls ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: next_tool_calls
SELECT id::text AS key, occurred_at::text AS after, id::text AS after_id FROM tool_calls
WHERE occurred_at <= %(after)s::timestamptz AND (occurred_at, id) < (%(after)s::timestamptz, %(after_id)s::uuid)
ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: first_timeline_entries
SELECT id::text AS key, '' AS after, id::text AS after_id FROM timeline_entries ORDER BY id LIMIT %(limit)s

-- name: next_timeline_entries
SELECT id::text AS key, '' AS after, id::text AS after_id FROM timeline_entries WHERE id > %(after_id)s::uuid ORDER BY id LIMIT %(limit)s

-- name: first_sessions
SELECT session_id AS key, '' AS after, session_id AS after_id FROM sessions ORDER BY session_id LIMIT %(limit)s

-- name: next_sessions
SELECT session_id AS key, '' AS after, session_id AS after_id FROM sessions WHERE session_id > %(after_id)s ORDER BY session_id LIMIT %(limit)s

-- name: first_files
SELECT a.project_id || ' ' || f.file_key AS key, '' AS after, f.file_key::text AS after_id FROM (SELECT file_key FROM files ORDER BY file_key LIMIT %(limit)s) AS f
LEFT JOIN LATERAL (SELECT DISTINCT project_id FROM activities AS a WHERE a.file_key = f.file_key) AS a ON true ORDER BY f.file_key

-- name: next_files
SELECT a.project_id || ' ' || f.file_key AS key, '' AS after, f.file_key::text AS after_id
FROM (SELECT file_key FROM files WHERE file_key > %(after_id)s::uuid ORDER BY file_key LIMIT %(limit)s) AS f
LEFT JOIN LATERAL (SELECT DISTINCT project_id FROM activities AS a WHERE a.file_key = f.file_key) AS a ON true ORDER BY f.file_key

-- name: advance
UPDATE search_pending SET keys = %(keys)s, rows = greatest(rows - %(rows)s, 1) WHERE newest = '-infinity' AND number = %(number)s

-- name: begin_again
-- Documents of rows that are gone come last: by then the others have all been made again.
INSERT INTO search_pending (kind, keys, rows, newest)
SELECT 'backfill', ARRAY[relname::text], greatest(reltuples::bigint, 1), '-infinity'
FROM pg_class
WHERE oid = ANY (ARRAY['search_documents', 'sessions', 'files', 'timeline_entries', 'tool_calls', 'messages']::regclass[])
ORDER BY array_position(ARRAY['search_documents', 'sessions', 'files', 'timeline_entries', 'tool_calls', 'messages'], relname::text)

-- name: stop
DELETE FROM search_pending WHERE kind = 'backfill'

-- name: first_search_documents
SELECT id::text AS key, '' AS after, id::text AS after_id FROM search_documents ORDER BY id LIMIT %(limit)s

-- name: next_search_documents
SELECT id::text AS key, '' AS after, id::text AS after_id FROM search_documents WHERE id > %(after_id)s::uuid ORDER BY id LIMIT %(limit)s

-- name: orphans
-- Of these documents those whose rows are gone.
SELECT d.id FROM search_documents AS d
WHERE d.id = ANY(%(keys)s::uuid[]) AND CASE d.kind
    WHEN 'message' THEN NOT EXISTS (SELECT FROM messages AS r WHERE r.id = d.id)
    WHEN 'tool_call' THEN NOT EXISTS (SELECT FROM tool_calls AS r WHERE r.id = d.id)
    WHEN 'timeline_entry' THEN NOT EXISTS (SELECT FROM timeline_entries AS r WHERE r.id = d.id)
    WHEN 'session' THEN NOT EXISTS (SELECT FROM sessions AS r WHERE r.session_id = d.session_id AND r.counted)
    ELSE NOT EXISTS (
        SELECT FROM files AS f JOIN activities AS r ON r.file_key = f.file_key
        WHERE left(f.file_path, 400) = left(d.content, 400) AND md5('file ' || r.project_id || ' ' || f.file_key)::uuid = d.id) END
