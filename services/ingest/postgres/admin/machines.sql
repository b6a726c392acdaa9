-- name: report
-- A key that is bound to a user does not take over another user's machine. A renamed user's machines have any of the user's names.
INSERT INTO machines AS m (machine_id, name, user_name, report)
VALUES (%(machine_id)s, %(name)s, %(user)s, %(report)s)
ON CONFLICT (machine_id) DO UPDATE
SET name = excluded.name, user_name = coalesce(excluded.user_name, m.user_name), report = excluded.report, last_heard_at = clock_timestamp(),
    brought_by = NULL
WHERE NOT %(is_bound)s OR m.user_name IS NULL OR is_same_person(m.user_name, excluded.user_name)
RETURNING clock_timestamp() AS now

-- name: may_tell
-- A machine that is not known, or of this user by any of the user's names.
SELECT NOT EXISTS (
    SELECT FROM machines AS m WHERE m.machine_id = %(machine_id)s AND NOT is_same_person(m.user_name, %(user)s)) AS may_tell

-- name: store_places
-- A row that did not change is not looked at again. A machine has a bounded number of them.
INSERT INTO project_places AS p (told_by, path, common_dir, remote, inside, is_main)
SELECT DISTINCT ON (path) %(machine_id)s, path, common_dir, remote, inside, is_main
FROM unnest(%(paths)s::text[], %(common_dirs)s::text[], %(remotes)s::text[], %(insides)s::text[], %(are_main)s::boolean[])
    AS t (path, common_dir, remote, inside, is_main)
WHERE (SELECT count(*) FROM project_places WHERE told_by = %(machine_id)s) < %(most)s
ORDER BY path
ON CONFLICT (told_by, path_key) DO UPDATE
SET common_dir = excluded.common_dir, remote = excluded.remote, inside = excluded.inside, is_main = excluded.is_main,
    told_at = clock_timestamp(), judged_at = NULL, brought_by = NULL
WHERE p.brought_by IS NOT NULL
   OR (p.common_dir, p.remote, p.inside, p.is_main) IS DISTINCT FROM (excluded.common_dir, excluded.remote, excluded.inside, excluded.is_main)
RETURNING p.path
