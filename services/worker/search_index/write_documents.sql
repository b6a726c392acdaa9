-- name: stored
-- With the result that a document was made of, which its call may no longer have.
SELECT id, kind, session_id, project_id, user_id, nullif(occurred_at, '-infinity') AS occurred_at, role, tool_name, is_error, agent_id,
    CASE WHEN result_key IS NULL THEN content
        ELSE content || E'\n' || left(coalesce(
            (SELECT t.result FROM tool_calls AS t WHERE t.id = d.id AND md5(t.result)::uuid = d.result_key),
            (SELECT f.result FROM search_former_results AS f WHERE f.id = d.id AND f.result_key = d.result_key), ''), 32768) END AS content,
    result_at, result_key
FROM search_documents AS d WHERE id = ANY(%(ids)s::uuid[])

-- name: write
-- Long texts are sent in binary (b): in text each quote of an array is escaped.
INSERT INTO search_documents (
    id, kind, session_id, project_id, user_id, occurred_at, role, tool_name, is_error, agent_id, content, result_at, result_key, terms,
    has_places)
SELECT id, kind, session_id, project_id, user_id, coalesce(occurred_at, '-infinity'), role, tool_name, is_error, agent_id, content, result_at, result_key,
    terms, has_places
FROM unnest(
    %(id)s::uuid[], %(kind)s::text[], %(session_id)s::text[], %(project_id)s::bigint[], %(user_id)s::bigint[], %(occurred_at)s::timestamptz[],
    %(role)s::text[], %(tool_name)s::text[], %(is_error)s::boolean[], %(agent_id)s::text[], %(content)b::text[], %(result_at)s::integer[],
    %(result_key)s::uuid[], %(terms)b::text[]::tsvector[], %(has_places)s::boolean[])
    AS d (id, kind, session_id, project_id, user_id, occurred_at, role, tool_name, is_error, agent_id, content, result_at, result_key, terms, has_places)
ON CONFLICT (id) DO UPDATE SET
    (kind, session_id, project_id, user_id, occurred_at, role, tool_name, is_error, agent_id, content, result_at, result_key, terms, has_places) = (
        excluded.kind, excluded.session_id, excluded.project_id, excluded.user_id, excluded.occurred_at, excluded.role, excluded.tool_name,
        excluded.is_error, excluded.agent_id, excluded.content, excluded.result_at, excluded.result_key, excluded.terms, excluded.has_places)

-- name: delete
DELETE FROM search_documents WHERE id = ANY(%(ids)s::uuid[])

-- name: drop_former
-- What no document was made of. A call may have changed again meanwhile: then its document needs what the call had.
DELETE FROM search_former_results AS f
WHERE f.id = ANY(%(ids)s::uuid[]) AND NOT EXISTS (SELECT FROM search_documents AS d WHERE d.id = f.id AND d.result_key = f.result_key)
