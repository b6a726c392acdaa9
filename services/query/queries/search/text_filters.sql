-- Filters of a search and the rights of its key, as names of the index's documents.

-- name: passing
-- The rights of a bound key: NULL is not bound. `shared` are the sessions of others that it sees.
SELECT CASE WHEN current_setting('role') = 'tracker_bound' THEN bound_projects() END AS bound_projects,
    CASE WHEN current_setting('role') = 'tracker_bound' THEN bound_users() END AS bound_users,
    CASE WHEN current_setting('role') = 'tracker_bound' AND bound_users() IS NOT NULL AND shares_sessions()
        THEN ARRAY(SELECT session_id FROM sessions WHERE user_id <> ALL (bound_users())) ELSE '{}' END AS shared,
    ARRAY(SELECT person_of(name) FROM unnest(%(users)s::text[]) AS u (name)) AS users,
    ARRAY(SELECT person_of(name) FROM unnest(%(not_users)s::text[]) AS u (name)) AS not_users,
    ARRAY(SELECT sessions_of_machine(%(machine)s::text)) AS machine,
    ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s::text) AS branch,
    ARRAY(SELECT session_id FROM session_marks WHERE is_starred AND %(is_starred)s::boolean IS NOT NULL) AS starred
