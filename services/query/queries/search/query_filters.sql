-- Looks up what the filters of a search name.

-- name: projects
SELECT id FROM projects
WHERE id::text = %(name)s OR lower(name) = lower(%(name)s) OR path = %(name)s OR right(path, length(%(name)s) + 1) = '/' || %(name)s

-- name: sessions
SELECT session_id FROM sessions WHERE session_id ^@ %(beginning)s ORDER BY session_id <> %(beginning)s LIMIT 2

-- name: known_user
-- True if the key sees such a user.
SELECT EXISTS (SELECT FROM users WHERE name = %(name)s) AS is_known

-- name: known_tool
-- True if the key sees calls of such a tool.
SELECT EXISTS (
    SELECT FROM tool_rollups
    WHERE project_id = ANY (coalesce(nullif(bound_projects(), '{}'), '{-1}')) AND user_id = ANY (coalesce(bound_users(), '{-1}')) AND grain_minutes = 0
        AND lower(tool_name) = %(name)s) AS is_known
