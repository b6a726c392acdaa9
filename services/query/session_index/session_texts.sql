-- name: texts
-- Of each kind of texts at most so many of a session, evenly over its time; of each text its beginning, of results the end too.
WITH numbered AS (
    SELECT id, kind, role, tool_name, is_error, agent_id, occurred_at, result_at,
        row_number() OVER (PARTITION BY kind, role ORDER BY occurred_at, id) AS number,
        count(*) OVER (PARTITION BY kind, role) AS total
    FROM search_documents WHERE session_id = %(session_id)s
), chosen AS (
    SELECT * FROM numbered WHERE total <= %(most_texts)s OR number * %(most_texts)s / total <> (number - 1) * %(most_texts)s / total
)
SELECT c.kind, c.role, c.tool_name, c.agent_id IS NOT NULL AS is_of_agent,
    CASE WHEN c.result_at IS NULL THEN left(t.content, %(most_chars)s)
        ELSE left(t.input, %(most_input_chars)s) END AS said,
    CASE WHEN c.result_at IS NOT NULL THEN substr(t.content, c.result_at + 1, %(most_result_chars)s) END AS result
FROM chosen AS c JOIN search_texts AS t ON t.id = c.id
ORDER BY c.occurred_at, c.id
