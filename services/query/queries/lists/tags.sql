-- name: tags
-- A tag is shown as most sessions write it.
SELECT t.tag, t.sessions, t.tag_key
FROM (
    SELECT each.tag_key, mode() WITHIN GROUP (ORDER BY each.tag) AS tag, count(*) AS sessions
    FROM session_marks m
    JOIN sessions s ON s.session_id = m.session_id
    CROSS JOIN LATERAL unnest(m.tags, m.tag_keys) AS each (tag, tag_key)
    WHERE s.counted
        AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s)
        AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
        AND (%(user)s::text IS NULL OR s.user_id = (SELECT person_of(%(user)s)))
    GROUP BY each.tag_key
) AS t
WHERE %(after_sessions)s::bigint IS NULL OR (-t.sessions, t.tag_key) > (-%(after_sessions)s::bigint, %(after_key)s::text)
ORDER BY -t.sessions, t.tag_key
LIMIT %(fetch)s
