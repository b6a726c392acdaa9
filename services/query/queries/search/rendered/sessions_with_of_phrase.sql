-- "every day" -"by night"
SELECT t.session_id, count(*)::integer AS texts, sum(t.counts)::float8 AS weight, nullif(max(t.occurred_at), '-infinity') AS newest,
    (array_agg(t.id ORDER BY t.counts DESC, t.bytes, t.id))[1] AS id
FROM (
    SELECT d.id, d.session_id, d.occurred_at, octet_length(d.content) AS bytes, CASE d.kind WHEN 'session' THEN 2 WHEN 'message' THEN CASE d.role WHEN 'user' THEN 1.5 ELSE 1.2 END WHEN 'file' THEN 1.2 ELSE 0.8 END
            * CASE WHEN %(as_typed)s::tsquery IS NULL OR d.terms @@ %(as_typed)s::tsquery THEN 1 ELSE 0.25 END AS counts
    FROM search_documents d
    WHERE d.session_id IS NOT NULL
        AND (%(sessions)s::text[] IS NULL OR d.session_id = ANY (%(sessions)s))
        AND (%(session_id)s::text IS NULL OR d.session_id = %(session_id)s)
        AND (%(project_id)s::bigint IS NULL OR d.project_id = %(project_id)s)
        AND (%(start)s::timestamptz IS NULL OR d.occurred_at >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR d.occurred_at < %(end)s)
        AND d.terms @@ %(terms)s::tsquery
        AND (d.has_places IS NOT TRUE OR d.terms @@ %(phrase_0_0)s::tsquery) AND strpos(lower(d.content), lower(%(text_0_0)s)) > 0 AND NOT strpos(lower(d.content), lower(%(text_0_1)s)) > 0
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
    LIMIT %(most)s
) AS t
GROUP BY t.session_id
