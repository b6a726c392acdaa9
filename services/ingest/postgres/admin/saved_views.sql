-- name: add
INSERT INTO saved_views (name, address, key_id)
SELECT %(name)s, %(address)s, %(key_id)s
WHERE (SELECT count(*) FROM saved_views) < %(most)s
RETURNING id, name, address, created_at

-- name: change
UPDATE saved_views SET name = %(name)s, address = %(address)s, brought_by = NULL
WHERE id = %(id)s
RETURNING id, name, address, created_at
