-- name: load
SELECT id, kind, coalesce(names, '{}'), coalesce(user_ids, '{}'), coalesce(project_ids, '{}'), from_at, to_at FROM erasures WHERE id = %(id)s

-- name: note
UPDATE erasures SET counts = sum_of_each(counts, %(counts)s), remains = remains || %(remains)s WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: end
-- Where a step was to go on may be an id of what is erased.
UPDATE erasures SET remains = remains || %(remains)s, after_key = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s
