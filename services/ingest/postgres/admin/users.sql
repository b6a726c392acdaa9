-- name: lock
-- Ordered, so that two requests do not deadlock.
SELECT id, name, alias_of, merge_requested_at IS NOT NULL AS is_merging FROM users
WHERE name IN (%(name)s, %(new_name)s) ORDER BY id FOR UPDATE

-- name: names
SELECT name FROM users WHERE coalesce(alias_of, id) = (SELECT person_of(%(name)s))
