-- name: load
SELECT id, options ->> 'of', coalesce(names, '{}'), coalesce(user_ids, '{}'), coalesce(project_ids, '{}'), from_at, to_at FROM jobs WHERE id = %(id)s
