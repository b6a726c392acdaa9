-- Messages as a search in conversations shows them: whole.

-- name: messages
SELECT m.id, m.session_id, coalesce(mark.title, s.title) AS session_title, nullif(m.project_id, 0) AS project_id, p.name AS project_name, u.name AS user, m.role, m.content,
    nullif(m.occurred_at, '-infinity') AS timestamp, m.model, m.agent_id
FROM messages m
LEFT JOIN sessions s ON s.session_id = m.session_id
LEFT JOIN session_marks mark ON mark.session_id = m.session_id
LEFT JOIN projects p ON p.id = m.project_id
LEFT JOIN users u ON u.id = m.user_id
WHERE m.id = ANY (%(ids)s::uuid[])
