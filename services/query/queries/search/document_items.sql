-- Shown with a text that was found, besides the text.

-- name: details
SELECT found.number, coalesce(k.title, s.title) AS session_title, CASE WHEN k.title IS NULL THEN s.title_source ELSE 'person' END AS session_title_source,
    p.name AS project_name, u.name AS user, s.git_branch, k.note, k.tags
FROM unnest(%(session_ids)s::text[], %(project_ids)s::bigint[], %(user_ids)s::bigint[])
    WITH ORDINALITY AS found (session_id, project_id, user_id, number)
LEFT JOIN sessions AS s ON s.session_id = found.session_id
LEFT JOIN session_marks AS k ON k.session_id = found.session_id
LEFT JOIN projects AS p ON p.id = found.project_id
LEFT JOIN users AS u ON u.id = found.user_id
ORDER BY found.number

-- name: neighbours
-- The messages before and after each place in its session.
SELECT asked.id, before.role AS before_role, before.content AS before_content, after.role AS after_role, after.content AS after_content
FROM unnest(%(ids)s::uuid[], %(session_ids)s::text[], %(times)s::timestamptz[]) AS given (id, session_id, at)
CROSS JOIN LATERAL (SELECT given.id, given.session_id, coalesce(given.at, '-infinity') AS occurred_at) AS asked
LEFT JOIN LATERAL (
    SELECT m.role, left(m.content, %(most_chars)s) AS content
    FROM messages AS m
    WHERE m.session_id = asked.session_id AND (m.occurred_at, m.id) < (asked.occurred_at, asked.id) AND m.content <> ''
    ORDER BY m.occurred_at DESC, m.id DESC
    LIMIT 1
) AS before ON true
LEFT JOIN LATERAL (
    SELECT m.role, left(m.content, %(most_chars)s) AS content
    FROM messages AS m
    WHERE m.session_id = asked.session_id AND (m.occurred_at, m.id) > (asked.occurred_at, asked.id) AND m.content <> ''
    ORDER BY m.occurred_at, m.id
    LIMIT 1
) AS after ON true
