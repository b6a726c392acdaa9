-- Rows of texts that were found, so far as a page is made of them: those that there are, and that the connection may see.

-- name: message
SELECT id::text AS key, session_id, octet_length(content) AS bytes FROM messages WHERE id = ANY (%(keys)s::uuid[]) AND content <> ''

-- name: tool_call
SELECT id::text AS key, session_id, coalesce(pg_column_size(parameters), 0) + coalesce(octet_length(result), 0) AS bytes
FROM tool_calls WHERE id = ANY (%(keys)s::uuid[])

-- name: timeline_entry
SELECT id::text AS key, session_id, octet_length(content) AS bytes FROM timeline_entries
WHERE id = ANY (%(keys)s::uuid[]) AND kind IN ('compaction_summary', 'command', 'command_output')

-- name: session
SELECT session_id AS key, session_id, 0 AS bytes FROM sessions WHERE session_id = ANY (%(keys)s::text[]) AND counted
