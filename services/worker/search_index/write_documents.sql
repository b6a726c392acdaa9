-- name: stored
SELECT id, kind, session_id, project_id, user_id, nullif(occurred_at, '-infinity') AS occurred_at, role, tool_name, is_error, agent_id, content, result_at,
    has_places IS NULL AS is_outdated
FROM search_documents WHERE id = ANY(%(ids)s::uuid[])

-- name: write
-- Long texts are sent in binary (b): in text each quote of an array is escaped.
INSERT INTO search_documents (
    id, kind, session_id, project_id, user_id, occurred_at, role, tool_name, is_error, agent_id, content, result_at, terms, has_places)
SELECT id, kind, session_id, project_id, user_id, coalesce(occurred_at, '-infinity'), role, tool_name, is_error, agent_id, content, result_at, terms,
    has_places
FROM unnest(
    %(id)s::uuid[], %(kind)s::text[], %(session_id)s::text[], %(project_id)s::bigint[], %(user_id)s::bigint[], %(occurred_at)s::timestamptz[],
    %(role)s::text[], %(tool_name)s::text[], %(is_error)s::boolean[], %(agent_id)s::text[], %(content)b::text[], %(result_at)s::integer[],
    %(terms)b::text[]::tsvector[], %(has_places)s::boolean[])
    AS d (id, kind, session_id, project_id, user_id, occurred_at, role, tool_name, is_error, agent_id, content, result_at, terms, has_places)
ON CONFLICT (id) DO UPDATE SET
    (kind, session_id, project_id, user_id, occurred_at, role, tool_name, is_error, agent_id, content, result_at, terms, has_places) = (
        excluded.kind, excluded.session_id, excluded.project_id, excluded.user_id, excluded.occurred_at, excluded.role, excluded.tool_name,
        excluded.is_error, excluded.agent_id, excluded.content, excluded.result_at, excluded.terms, excluded.has_places)

-- name: delete
DELETE FROM search_documents WHERE id = ANY(%(ids)s::uuid[])
