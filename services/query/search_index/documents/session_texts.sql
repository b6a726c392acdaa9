-- name: texts
-- At most so many texts of each kind, evenly over the session's time; of a text its beginning, of a result its end too. More is read of what a shell
-- wrote: it tells of commits. A call is read from its input, which is JSON.
WITH texts AS (
    SELECT id, 'message' AS kind, role, false AS is_error, occurred_at FROM messages WHERE session_id = %(session_id)s AND content <> ''
    UNION ALL
    SELECT id, 'tool_call', NULL, status IN ('error', 'timeout'), occurred_at FROM tool_calls WHERE session_id = %(session_id)s
    UNION ALL
    SELECT id, 'timeline_entry', kind, false, occurred_at FROM timeline_entries
    WHERE session_id = %(session_id)s AND kind IN ('compaction_summary', 'command', 'command_output')
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY kind, role, is_error ORDER BY occurred_at, id) AS number,
        count(*) OVER (PARTITION BY kind, role, is_error) AS total
    FROM texts
), chosen AS (
    SELECT * FROM numbered WHERE number = 1 OR number * %(most_texts)s / greatest(total, %(most_texts)s) <> (number - 1) * %(most_texts)s / greatest(total, %(most_texts)s)
), read AS (
    SELECT c.kind, c.role, NULL AS tool_name, false AS is_error, t.agent_id IS NOT NULL AS is_of_agent, c.occurred_at, c.id,
        left(t.content, %(most_chars)s) AS said, NULL AS result
    FROM chosen AS c JOIN messages AS t ON t.id = c.id WHERE c.kind = 'message'
    UNION ALL
    SELECT c.kind, c.role, NULL, false, t.agent_id IS NOT NULL, c.occurred_at, c.id, left(t.content, %(most_chars)s), NULL
    FROM chosen AS c JOIN timeline_entries AS t ON t.id = c.id WHERE c.kind = 'timeline_entry'
    UNION ALL
    SELECT c.kind, c.role, t.tool_name, c.is_error, t.agent_id IS NOT NULL, c.occurred_at, c.id, t.parameters::text,
        CASE WHEN length(t.result) <= 2 * e.end_chars THEN t.result ELSE left(t.result, e.end_chars) || E'\n' || right(t.result, e.end_chars) END
    FROM chosen AS c JOIN tool_calls AS t ON t.id = c.id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN c.is_error OR t.tool_name IN ('Bash', 'PowerShell') THEN %(most_read_end_chars)s ELSE %(most_end_chars)s END AS end_chars) AS e
    WHERE c.kind = 'tool_call'
    UNION ALL
    SELECT 'session', NULL, NULL, false, false, coalesce(nullif(s.dated_at, '-infinity'), s.created_at), md5('session ' || s.session_id)::uuid,
        left(concat_ws(E'\n', m.title, s.title, m.note, nullif(array_to_string(m.tags, ' '), ''), s.git_branch, p.name), %(most_chars)s), NULL
    FROM sessions AS s LEFT JOIN session_marks AS m ON m.session_id = s.session_id LEFT JOIN projects AS p ON p.id = s.project_id
    WHERE s.session_id = %(session_id)s AND s.counted
    UNION ALL
    (SELECT 'file', NULL, NULL, false, false, max(a.occurred_at), f.file_key, left(f.file_path, %(most_chars)s), NULL
    FROM activities AS a JOIN files AS f ON f.file_key = a.file_key WHERE a.session_id = %(session_id)s
    GROUP BY f.file_key ORDER BY max(a.occurred_at) DESC, f.file_key LIMIT %(most_texts)s)
)
SELECT s.project_id, s.user_id, r.kind, r.role, r.tool_name, r.is_error, r.is_of_agent,
    CASE WHEN isfinite(r.occurred_at) THEN (r.occurred_at AT TIME ZONE 'UTC')::date END AS day, r.said, r.result
FROM read AS r JOIN sessions AS s ON s.session_id = %(session_id)s ORDER BY r.occurred_at, r.id
