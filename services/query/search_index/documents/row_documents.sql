-- The rows of documents, as they are now and as the connection may see them. A row that is gone gives none. A time that is not known is NULL.

-- name: message
-- A message without a text only used tools; their documents are found.
SELECT id::text AS key, id, session_id, project_id, user_id, nullif(occurred_at, '-infinity') AS occurred_at, role, NULL::text AS tool_name, false AS is_error,
    agent_id, model, source, left(content, %(most_chars)s) AS content, NULL::text AS parameters, NULL::text AS result
FROM messages WHERE id = ANY(%(keys)s::uuid[]) AND content <> ''

-- name: tool_call
SELECT id::text AS key, id, session_id, project_id, user_id, nullif(occurred_at, '-infinity') AS occurred_at, NULL::text AS role, tool_name,
    status IN ('error', 'timeout') AS is_error, agent_id, NULL::text AS model, NULL::text AS source, tool_name AS content, parameters::text AS parameters,
    left(result, %(most_part_chars)s) AS result
FROM tool_calls WHERE id = ANY(%(keys)s::uuid[])

-- name: timeline_entry
SELECT id::text AS key, id, session_id, project_id, user_id, nullif(occurred_at, '-infinity') AS occurred_at, kind AS role, NULL::text AS tool_name,
    false AS is_error, agent_id, NULL::text AS model, NULL::text AS source, left(content, %(most_chars)s) AS content, NULL::text AS parameters,
    NULL::text AS result
FROM timeline_entries WHERE id = ANY(%(keys)s::uuid[]) AND kind IN ('compaction_summary', 'command', 'command_output')

-- name: session
-- It happened when it began: its last event would change with each event.
SELECT s.session_id AS key, md5('session ' || s.session_id)::uuid AS id, s.session_id, s.project_id, s.user_id,
    coalesce(nullif(s.dated_at, '-infinity'), nullif(s.first_event_at, '-infinity'), s.created_at) AS occurred_at, NULL::text AS role, NULL::text AS tool_name,
    false AS is_error, NULL::text AS agent_id, NULL::text AS model, NULL::text AS source,
    concat_ws(E'\n', m.title, s.title, m.note, nullif(array_to_string(m.tags, ' '), ''), s.git_branch) AS content, NULL::text AS parameters,
    NULL::text AS result
FROM sessions AS s LEFT JOIN session_marks AS m ON m.session_id = s.session_id
WHERE s.session_id = ANY(%(keys)s::text[]) AND s.counted

-- name: file
-- A file of a user happened when the user changed it last. One that others change, too, is a document of each: what they do says nothing of this one.
SELECT key, md5('file ' || key)::uuid AS id, a.session_id, a.project_id, a.user_id, nullif(a.occurred_at, '-infinity') AS occurred_at, NULL::text AS role,
    NULL::text AS tool_name, false AS is_error, NULL::text AS agent_id, NULL::text AS model, NULL::text AS source, f.file_path AS content,
    NULL::text AS parameters, NULL::text AS result
FROM unnest(%(keys)s::text[]) AS key
CROSS JOIN LATERAL (
    SELECT * FROM activities
    WHERE file_key = split_part(key, ' ', 2)::uuid AND project_id = split_part(key, ' ', 1)::bigint AND user_id = split_part(key, ' ', 3)::bigint
    ORDER BY occurred_at DESC, id DESC LIMIT 1) AS a
JOIN files AS f ON f.file_key = a.file_key
