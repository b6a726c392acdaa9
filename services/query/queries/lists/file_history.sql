-- part: chosen_changes
-- The changes of a page, and those that the summary counts.
SELECT a.*
FROM activities a
LEFT JOIN files f ON f.file_key = a.file_key
WHERE (%(file_key)s::uuid IS NULL OR a.file_key = %(file_key)s)
    AND (%(file_keys)s::uuid[] IS NULL OR a.file_key = ANY (%(file_keys)s))
    AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
    AND (%(project_id)s::bigint IS NULL OR a.project_id = %(project_id)s)
    AND (%(projects)s::bigint[] IS NULL OR a.project_id = ANY (%(projects)s))
    AND (%(user)s::text IS NULL OR a.user_id = (SELECT person_of(%(user)s)))
    AND (%(machine)s::text IS NULL OR a.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(action)s::text IS NULL OR a.action = %(action)s)
    AND (%(start)s::timestamptz IS NULL OR a.occurred_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR a.occurred_at < %(end)s)

-- name: history
-- The prompt is the newest thing that a person said in the session's main thread, at or before the change.
SELECT c.id, nullif(c.occurred_at, '-infinity') AS timestamp, f.file_path, c.action, c.lines_added, c.lines_removed, c.is_estimated,
    c.patch, coalesce(c.patch_left_out, 0) AS patch_left_out_lines,
    c.session_id, coalesce(mark.title, s.title) AS session_title, nullif(c.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('machine_id', k.machine_id, 'name', m.name) ORDER BY m.name, k.machine_id), '[]')
     FROM session_machines k LEFT JOIN machines m ON m.machine_id = k.machine_id WHERE k.session_id = c.session_id) AS machines,
    c.agent_id, c.tool_call_id,
    prompt.id AS prompt_id, left(prompt.content, %(prompt_characters)s) AS prompt_text,
    greatest(length(prompt.content) - %(prompt_characters)s, 0) AS prompt_left_out, nullif(prompt.occurred_at, '-infinity') AS prompt_at,
    coalesce(octet_length(c.patch), 0) AS bytes
FROM (
    {chosen_changes}
        AND (%(after_time)s::timestamptz IS NULL OR (a.occurred_at, a.id) < (%(after_time)s, %(after_id)s::uuid))
    ORDER BY a.occurred_at DESC, a.id DESC
    LIMIT %(fetch)s
) AS c
LEFT JOIN files f ON f.file_key = c.file_key
LEFT JOIN sessions s ON s.session_id = c.session_id
LEFT JOIN session_marks mark ON mark.session_id = c.session_id
LEFT JOIN projects p ON p.id = c.project_id
LEFT JOIN users u ON u.id = c.user_id
LEFT JOIN LATERAL (
    SELECT m.id, m.content, m.occurred_at FROM messages m
    WHERE m.session_id = c.session_id AND m.role = 'user' AND m.agent_id IS NULL AND m.occurred_at <= c.occurred_at
    ORDER BY m.occurred_at DESC, m.id DESC
    LIMIT 1
) AS prompt ON true
ORDER BY c.occurred_at DESC, c.id DESC

-- name: summary
WITH changes AS MATERIALIZED (
    {chosen_changes}
        AND (%(after_time)s::timestamptz IS NULL OR (a.occurred_at, a.id) < (%(after_time)s, %(after_id)s::uuid))
    ORDER BY a.occurred_at DESC, a.id DESC
    LIMIT %(fetch)s
)
SELECT count(*) AS changes, count(*) < %(fetch)s AS is_complete,
    count(DISTINCT file_key) AS files, count(DISTINCT session_id) AS sessions, count(DISTINCT user_id) FILTER (WHERE user_id <> 0) AS people,
    least(coalesce(sum(lines_added), 0), 9007199254740991)::bigint AS lines_added,
    least(coalesce(sum(lines_removed), 0), 9007199254740991)::bigint AS lines_removed,
    min(occurred_at) FILTER (WHERE occurred_at > '-infinity') AS first_change,
    max(occurred_at) FILTER (WHERE occurred_at > '-infinity') AS last_change,
    (SELECT coalesce(jsonb_agg(d ORDER BY d.day), '[]') FROM (
        SELECT (occurred_at AT TIME ZONE %(tz)s)::date AS day, count(*) AS changes,
            least(sum(lines_added), 9007199254740991)::bigint AS lines_added,
            least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed
        FROM changes
        WHERE occurred_at > '-infinity'
        GROUP BY 1
    ) AS d) AS days
FROM changes
