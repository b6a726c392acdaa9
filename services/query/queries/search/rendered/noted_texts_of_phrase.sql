-- "every day" -"by night"
SELECT d.id, d.content
FROM (SELECT m.id, 'message' AS kind, m.session_id, m.project_id, m.user_id, m.occurred_at, m.role, NULL::text AS tool_name, false AS is_error, m.agent_id,
    left(m.content, %(most_chars)s) AS content, NULL::boolean AS has_places
FROM messages m
WHERE m.id = ANY (%(ids)s::uuid[]) AND m.content <> '') d
WHERE (%(session_id)s::text IS NULL OR d.session_id = %(session_id)s)
    AND (%(project_id)s::bigint IS NULL OR d.project_id = %(project_id)s)
    AND (%(start)s::timestamptz IS NULL OR d.occurred_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR d.occurred_at < %(end)s)
    AND (%(kinds)s::text[] IS NULL OR d.kind = ANY (%(kinds)s))
    AND (%(role)s::text IS NULL OR d.role = %(role)s)
    AND (%(tools)s::text[] IS NULL OR lower(d.tool_name) = ANY (%(tools)s))
    AND (%(not_tools)s::text[] IS NULL OR d.tool_name IS NULL OR lower(d.tool_name) <> ALL (%(not_tools)s))
    AND (%(is_error)s::boolean IS NULL OR d.is_error = %(is_error)s)
    AND (%(agent)s::text IS NULL OR d.agent_id = %(agent)s)
    AND (%(projects)s::bigint[] IS NULL OR d.project_id = ANY (%(projects)s))
    AND (%(not_projects)s::bigint[] IS NULL OR d.project_id <> ALL (%(not_projects)s))
    AND (%(users)s::text[] IS NULL OR d.user_id = ANY (ARRAY(SELECT person_of(name) FROM unnest(%(users)s::text[]) AS u (name))))
    AND (%(not_users)s::text[] IS NULL OR d.user_id <> ALL (ARRAY(SELECT person_of(name) FROM unnest(%(not_users)s::text[]) AS u (name))))
    AND (%(machine)s::text IS NULL OR d.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(branch)s::text IS NULL OR d.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
    AND (%(is_starred)s::boolean IS NULL
        OR coalesce(d.session_id = ANY (ARRAY(SELECT session_id FROM session_marks WHERE is_starred)), false) = %(is_starred)s)
    AND (%(model)s::text IS NULL OR EXISTS (SELECT FROM messages m WHERE m.id = d.id AND m.model = %(model)s))
    AND (%(source)s::text IS NULL OR EXISTS (SELECT FROM messages m WHERE m.id = d.id AND m.source = %(source)s))
    AND (%(noted)s::uuid[] IS NULL OR d.id <> ALL (%(noted)s::uuid[]))
