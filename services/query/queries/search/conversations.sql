-- Search in what was said: messages as they are shown, and those that the index does not have yet. Filled statements are in rendered/.

-- name: noted
-- Messages whose documents are not made yet: ids of the newest, as many as may be looked at, and how many others wait. Each note is of up to 256 rows.
-- A bound key is told of others that it may read.
WITH notes AS MATERIALIZED (
    SELECT keys, rows, sum(rows) OVER (ORDER BY newest DESC, number DESC) AS rows_so_far
    FROM (SELECT * FROM search_noted_messages ORDER BY newest DESC, number DESC LIMIT 1000) AS newest
), listed AS MATERIALIZED (
    SELECT DISTINCT key::uuid AS id FROM notes CROSS JOIN LATERAL unnest(keys) AS key WHERE rows_so_far <= %(most_messages)s
), sized AS MATERIALIZED (
    SELECT l.id, octet_length(m.content) AS bytes, sum(octet_length(m.content)) OVER (ORDER BY m.occurred_at DESC NULLS LAST, l.id) AS bytes_so_far
    FROM listed l
    LEFT JOIN messages m ON m.id = l.id
), seen AS MATERIALIZED (
    SELECT id FROM sized WHERE bytes IS NULL OR bytes_so_far <= %(most_bytes)s OR bytes_so_far = bytes
)
SELECT ARRAY(SELECT id FROM seen) AS ids,
    CASE WHEN current_user = 'tracker_bound' THEN (SELECT count(*) FROM sized WHERE bytes IS NOT NULL AND id NOT IN (SELECT id FROM seen))
    ELSE least((SELECT coalesce(sum(rows) FILTER (WHERE keys IS NULL OR rows_so_far > %(most_messages)s), 0) FROM notes)
        + (SELECT count(*) FROM listed) - (SELECT count(*) FROM seen), 10000) END::integer AS others

-- name: noted_texts
-- The texts of noted messages that pass the filters.
SELECT d.id, d.content
FROM ({noted_documents}) d
WHERE {bounds}
    AND {filters}

-- name: noted_matches
-- Those that match, with the terms that their documents will have.
SELECT d.id, d.session_id, nullif(d.occurred_at, '-infinity') AS timestamp, octet_length(d.content) AS bytes, {score} AS score
FROM (
    SELECT n.*, made.terms::tsvector AS terms
    FROM ({noted_documents}) n
    JOIN unnest(%(ids)s::uuid[], %(made_terms)s::text[]) AS made (id, terms) ON made.id = n.id
) d
WHERE {matches}

-- name: noted_documents
-- Messages as their documents will be.
SELECT m.id, 'message' AS kind, m.session_id, m.project_id, m.user_id, m.occurred_at, m.role, NULL::text AS tool_name, false AS is_error, m.agent_id,
    left(m.content, %(most_chars)s) AS content, NULL::boolean AS has_places
FROM messages m
WHERE m.id = ANY (%(ids)s::uuid[]) AND m.content <> ''

-- name: bytes
-- The lengths of messages whose documents have only their beginning.
SELECT m.id, octet_length(m.content) AS bytes FROM messages m WHERE m.id = ANY (%(ids)s::uuid[])

-- name: messages
SELECT m.id, m.session_id, coalesce(mark.title, s.title) AS session_title, nullif(m.project_id, 0) AS project_id, p.name AS project_name, u.name AS user, m.role, m.content,
    nullif(m.occurred_at, '-infinity') AS timestamp, m.model, m.agent_id
FROM messages m
LEFT JOIN sessions s ON s.session_id = m.session_id
LEFT JOIN session_marks mark ON mark.session_id = m.session_id
LEFT JOIN projects p ON p.id = m.project_id
LEFT JOIN users u ON u.id = m.user_id
WHERE m.id = ANY (%(ids)s::uuid[])
