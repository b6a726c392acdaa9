-- Sessions that may be meant, as their reader may see them.

-- name: sessions_that_may_pass
-- By the filters that are of sessions; a text has the project and the user of its session.
SELECT s.session_id
FROM sessions AS s
WHERE (%(session_id)s::text IS NULL OR s.session_id = %(session_id)s)
    AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s)
    AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
    AND (%(not_projects)s::bigint[] IS NULL OR s.project_id <> ALL (%(not_projects)s))
    AND (%(users)s::text[] IS NULL OR s.user_id = ANY (ARRAY(SELECT person_of(name) FROM unnest(%(users)s::text[]) AS u (name))))
    AND (%(not_users)s::text[] IS NULL OR s.user_id <> ALL (ARRAY(SELECT person_of(name) FROM unnest(%(not_users)s::text[]) AS u (name))))
    AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(branch)s::text IS NULL OR s.git_branch = %(branch)s)
    AND (%(is_starred)s::boolean IS NULL
        OR %(is_starred)s = EXISTS (SELECT FROM session_marks AS k WHERE k.session_id = s.session_id AND k.is_starred))

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
