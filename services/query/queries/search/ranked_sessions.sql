-- Sessions that may be meant, as their reader may see them.

-- name: seen_sessions
-- Those of the candidates that there are for their reader, best first.
SELECT s.session_id, coalesce(k.title, s.title) AS session_title, CASE WHEN k.title IS NULL THEN s.title_source ELSE 'person' END AS session_title_source,
    nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user, nullif(s.last_event_at, '-infinity') AS timestamp, c.score
FROM unnest(%(ids)s::text[], %(scores)s::float8[]) AS c (session_id, score)
JOIN sessions AS s ON s.session_id = c.session_id
LEFT JOIN session_marks AS k ON k.session_id = s.session_id
LEFT JOIN projects AS p ON p.id = s.project_id
LEFT JOIN users AS u ON u.id = s.user_id
ORDER BY c.score DESC, s.last_event_at DESC NULLS LAST, s.session_id
