-- name: next_sessions
SELECT session_id FROM erasure_sessions
WHERE erasure_id = %(erasure_id)s AND session_id COLLATE "C" > %(after)s ORDER BY session_id COLLATE "C" LIMIT %(limit)s

-- name: count_rows
SELECT '$table', count(*) FROM $table
WHERE session_id IN (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s)
   OR session_id IS NULL AND (%(kind)s = 'user' AND user_id = ANY(%(user_ids)s) OR %(kind)s = 'project' AND project_id = ANY(%(project_ids)s))

-- name: count_sessions
SELECT count(*) FROM sessions WHERE session_id IN (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s)

-- name: sessionless
SELECT id FROM $table
WHERE session_id IS NULL
  AND (%(kind)s = 'user' AND user_id = ANY(%(user_ids)s) OR %(kind)s = 'project' AND project_id = ANY(%(project_ids)s) $of_part)
LIMIT %(rows_limit)s

-- name: heirs
-- Not a session of another erasure, which would have to delete the row again.
SELECT row_id, session_id FROM (SELECT row_id, ($owner) FROM unnest(%(row_ids)s::uuid[]) AS r (row_id)) AS heirs (row_id, session_id)
WHERE session_id IS NOT NULL

-- name: hand_over
UPDATE $table AS t SET session_id = h.heir FROM unnest(%(row_ids)s::uuid[], %(heirs)s::text[]) AS h (row_id, heir) WHERE t.id = h.row_id

-- name: forget_claims
DELETE FROM contested_rows WHERE row_id = ANY(%(row_ids)s) AND session_id = ANY(%(session_ids)s)

-- name: forget_keys
UPDATE $table SET user_id = CASE WHEN %(kind)s = 'user' AND user_id = ANY(%(user_ids)s) THEN 0 ELSE user_id END,
    project_id = CASE WHEN %(kind)s = 'project' AND project_id = ANY(%(project_ids)s) THEN 0 ELSE project_id END
WHERE %(kind)s = 'user' AND user_id = ANY(%(user_ids)s) OR %(kind)s = 'project' AND project_id = ANY(%(project_ids)s)
