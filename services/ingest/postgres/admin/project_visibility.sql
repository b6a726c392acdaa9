-- name: set
-- done: it was another before.
UPDATE projects SET visibility = %(visibility)s WHERE id = %(id)s
RETURNING new.id, old.visibility IS DISTINCT FROM new.visibility AS done
