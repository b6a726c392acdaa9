-- name: texts
-- Of each kind of texts at most so many of a session, evenly over its time; of a text its beginning, of a result its end too. Of what a shell wrote
-- more is read: it tells of commits.
WITH numbered AS (
    SELECT id, kind, role, tool_name, is_error, agent_id, occurred_at, result_at,
        row_number() OVER (PARTITION BY kind, role, is_error ORDER BY occurred_at, id) AS number,
        count(*) OVER (PARTITION BY kind, role, is_error) AS total
    FROM search_documents WHERE session_id = %(session_id)s
), chosen AS (
    SELECT * FROM numbered WHERE number = 1 OR number * %(most_texts)s / greatest(total, %(most_texts)s) <> (number - 1) * %(most_texts)s / greatest(total, %(most_texts)s)
)
SELECT c.kind, c.role, c.tool_name, c.is_error, c.agent_id IS NOT NULL AS is_of_agent,
    CASE WHEN isfinite(c.occurred_at) THEN (c.occurred_at AT TIME ZONE 'UTC')::date END AS day,
    CASE WHEN c.kind = 'session' THEN left(concat_ws(E'\n', t.content, (SELECT name FROM projects WHERE id = t.project_id)), %(most_chars)s)
        WHEN c.kind <> 'tool_call' THEN left(t.content, %(most_chars)s)
        WHEN c.result_at IS NULL THEN left(t.input, %(most_input_chars)s)
        ELSE left(t.input, least(c.result_at - 1, %(most_input_chars)s)) END AS said,
    CASE WHEN length(t.content) - c.result_at <= 2 * e.end_chars THEN substr(t.content, c.result_at + 1)
        ELSE substr(t.content, c.result_at + 1, e.end_chars) || E'\n' || right(t.content, e.end_chars) END AS result
FROM chosen AS c JOIN search_texts AS t ON t.id = c.id
CROSS JOIN LATERAL (SELECT CASE WHEN c.is_error OR c.tool_name IN ('Bash', 'PowerShell') THEN %(most_read_end_chars)s ELSE %(most_end_chars)s END AS end_chars) AS e
ORDER BY c.occurred_at, c.id
