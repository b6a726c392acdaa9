-- name: rows
SELECT id, status, duration_ms FROM tool_calls WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, CASE WHEN content = '' THEN 'empty' ELSE 'there' END, NULL FROM messages WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, 'there', NULL FROM activities WHERE id = ANY(%(ids)s)
UNION ALL SELECT id, 'there', NULL FROM timeline_entries WHERE id = ANY(%(ids)s)
