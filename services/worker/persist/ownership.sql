-- name: foreign_sessions
-- Checks stored sessions. One that this transaction has just made has no user and no project yet.
-- Its project is the one that its path's is part of now, also before the session has moved there.
SELECT s.session_id FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
LEFT JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
WHERE s.session_id = ANY(%(session_ids)s) AND (
    (%(user)s::text IS NOT NULL AND s.user_id <> 0
     AND coalesce(u.alias_of, u.id) IS DISTINCT FROM (SELECT person_of(%(user)s)))
    OR (%(project_ids)s::bigint[] IS NOT NULL AND coalesce(p.merged_into, p.id, s.project_id) <> ALL(%(project_ids)s)
        AND (s.project_id <> 0 OR s.counted
             OR EXISTS (SELECT FROM session_events AS e WHERE e.session_id = s.session_id)
             OR EXISTS (SELECT FROM session_facts AS f WHERE f.session_id = s.session_id))))

-- name: foreign_rows
-- Copies of rows, as a fork has them. A row of another might be handed over to this session.
SELECT t.id FROM $table AS t LEFT JOIN users AS u ON u.id = t.user_id LEFT JOIN sessions AS s ON s.session_id = t.session_id
LEFT JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id, t.project_id)
WHERE t.id = ANY(%(ids)s) AND (
    (%(user)s::text IS NOT NULL AND t.user_id <> 0
     AND coalesce(u.alias_of, u.id) IS DISTINCT FROM (SELECT person_of(%(user)s)))
    OR (%(project_ids)s::bigint[] IS NOT NULL AND coalesce(p.merged_into, p.id, t.project_id) <> ALL(%(project_ids)s)))

-- name: sessions_elsewhere
SELECT s.session_id FROM sessions AS s LEFT JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
WHERE s.session_id = ANY(%(session_ids)s) AND coalesce(p.merged_into, p.id, s.project_id) <> ALL(%(project_ids)s)

-- name: wholes
-- The projects under which what a key may write counts: those of its own that are part of another count there.
SELECT DISTINCT coalesce(p.merged_into, i.id) FROM unnest(%(project_ids)s::bigint[]) AS i (id) LEFT JOIN projects AS p ON p.id = i.id
