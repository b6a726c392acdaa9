-- name: views
SELECT v.id, v.name, v.address, k.name AS created_by, v.created_at, lower(v.name) AS name_key
FROM saved_views v
LEFT JOIN api_keys k ON k.id = v.key_id
WHERE %(after_name)s::text IS NULL OR lower(v.name) > %(after_name)s::text
ORDER BY lower(v.name)
LIMIT %(fetch)s
