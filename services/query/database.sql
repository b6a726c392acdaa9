-- name: bind
-- Until the end of the transaction: what its key is bound to, and the role whose policies (deploy/migrations/schema/17_bound_keys.sql) ask for that.
-- A user has former ids too, whose rows move after a merge. Columns are computed in their order: the role comes last, since it sees less.
SELECT set_config('tracker.projects', coalesce(%(projects)s::bigint[]::text, '*'), true),
    set_config('tracker.users', CASE WHEN %(users)s::text[] IS NULL THEN '*' ELSE u.ids::text END, true),
    set_config('tracker.user_names', CASE WHEN %(users)s::text[] IS NULL THEN '' ELSE (u.names || %(users)s::text[])::text END, true),
    set_config('tracker.sessions', %(sessions)s::text, true),
    set_config('tracker.exceptional_projects', p.ids::text, true),
    set_config('tracker.shares', CASE WHEN %(sessions)s::text = 'shared' OR p.ids <> '{}'
        OR EXISTS (SELECT FROM session_marks WHERE visibility = 'shared') THEN 'on' ELSE 'off' END, true),
    set_config('tracker.key_id', %(key_id)s::text, true),
    set_config('role', 'tracker_bound', true)
FROM (SELECT ARRAY(SELECT id FROM projects WHERE visibility <> %(sessions)s::text)::bigint[] AS ids OFFSET 0) AS p
CROSS JOIN (
    SELECT coalesce(array_agg(u.id), '{}') AS ids, coalesce(array_agg(u.name), '{}') AS names
    FROM users AS u
    WHERE coalesce(u.alias_of, u.id) IN (SELECT coalesce(n.alias_of, n.id) FROM users AS n WHERE n.name = ANY (%(users)s::text[]))
) AS u
