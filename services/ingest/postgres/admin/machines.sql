-- name: report
-- A key that is bound to a user does not take over another user's machine. A renamed user's machines have any of the user's names.
INSERT INTO machines AS m (machine_id, name, user_name, report)
VALUES (%(machine_id)s, %(name)s, %(user)s, %(report)s)
ON CONFLICT (machine_id) DO UPDATE
SET name = excluded.name, user_name = coalesce(excluded.user_name, m.user_name), report = excluded.report, last_heard_at = clock_timestamp()
WHERE NOT %(is_bound)s OR m.user_name IS NULL OR m.user_name = excluded.user_name OR m.user_name IN (
    SELECT other.name FROM users AS u JOIN users AS other ON coalesce(other.alias_of, other.id) = coalesce(u.alias_of, u.id)
    WHERE u.name = excluded.user_name)
RETURNING clock_timestamp() AS now
