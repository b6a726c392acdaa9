-- name: messages
SELECT t.id, t.session_id, t.role, t.content, t.model, t.agent_id, nullif(t.project_id, 0) AS project_id, nullif(t.occurred_at, '-infinity') AS timestamp, candidates
FROM (
    SELECT *, sum(bytes) OVER (ORDER BY occurred_at DESC, id DESC) AS bytes_so_far, count(*) OVER () AS candidates
    FROM (
        SELECT m.*, octet_length(m.content) AS bytes
        FROM messages m
        WHERE (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
            AND (%(project_id)s::bigint IS NULL OR project_id = %(project_id)s)
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
            AND (%(user)s::text IS NULL OR user_id = (SELECT person_of(%(user)s)))
            AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
            AND (%(source)s::text IS NULL OR source = %(source)s)
            AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
            AND (%(role)s::text IS NULL OR role = %(role)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
            AND (%(after_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) < (%(after_time)s, %(after_id)s::uuid))
        ORDER BY m.occurred_at DESC, m.id DESC
        LIMIT %(fetch)s
    ) AS fetched
) AS t
WHERE bytes_so_far <= %(page_bytes)s OR bytes_so_far = bytes
ORDER BY occurred_at DESC, id DESC

-- name: number_of_messages
SELECT count(*) AS messages
FROM (
    SELECT FROM messages m
    WHERE (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
        AND (%(project_id)s::bigint IS NULL OR project_id = %(project_id)s)
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
        AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
        AND (%(user)s::text IS NULL OR user_id = (SELECT person_of(%(user)s)))
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(source)s::text IS NULL OR source = %(source)s)
        AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
        AND (%(role)s::text IS NULL OR role = %(role)s)
        AND (%(model)s::text IS NULL OR model = %(model)s)
    LIMIT %(most)s
) AS counted

-- name: activities
SELECT t.id, t.session_id, t.action, t.lines_added, t.lines_removed, t.is_estimated, t.agent_id, t.source, t.tool_call_id, nullif(t.project_id, 0) AS project_id, f.file_path, nullif(t.occurred_at, '-infinity') AS timestamp,
    CASE WHEN %(include_patch)s THEN t.patch END AS patch, coalesce(t.patch_left_out, 0) AS patch_left_out_lines,
    CASE WHEN %(include_patch)s THEN coalesce(octet_length(t.patch), 0) ELSE 0 END AS bytes
FROM activities t
LEFT JOIN files f ON f.file_key = t.file_key
WHERE (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
    AND (%(project_id)s::bigint IS NULL OR project_id = %(project_id)s)
    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
    AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
    AND (%(user)s::text IS NULL OR user_id = (SELECT person_of(%(user)s)))
    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(source)s::text IS NULL OR source = %(source)s)
    AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
    AND (%(action)s::text IS NULL OR t.action = %(action)s)
    AND (%(file_path)s::text IS NULL OR t.file_key = ANY (ARRAY(
        SELECT file_key FROM files WHERE left(file_path, 400) = left(%(file_path)s, 400) AND file_path = %(file_path)s)))
    AND (%(file_keys)s::uuid[] IS NULL OR t.file_key = ANY (%(file_keys)s))
    AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
    AND (%(after_time)s::timestamptz IS NULL OR (t.occurred_at, t.id) < (%(after_time)s, %(after_id)s::uuid))
ORDER BY t.occurred_at DESC, t.id DESC
LIMIT %(fetch)s

-- name: files_below
SELECT file_key FROM files WHERE left(file_path, 400) LIKE %(like_prefix)s || '%%' AND starts_with(file_path, %(path_prefix)s) LIMIT %(most)s

-- name: calls_by_id
SELECT t.id, t.session_id, t.tool_name, t.error_class, t.duration_source, t.wait_ms, t.agent_id, t.started_agent, t.decision, t.is_sandboxed, t.source, nullif(t.project_id, 0) AS project_id, t.parameters::text AS parameters, t.status AS result_status,
    t.duration_ms AS execution_time_ms, nullif(t.occurred_at, '-infinity') AS timestamp, t.decision_source, t.decision_told_by, t.decision_wait_ms,
    CASE WHEN %(include_result)s THEN t.result END AS result, t.result_left_out, t.result_cut_at, t.result_media::text AS result_media FROM tool_calls AS t WHERE t.id = ANY (%(ids)s::uuid[])

-- name: tool_calls
SELECT t.id, t.session_id, t.tool_name, t.error_class, t.duration_source, t.wait_ms, t.agent_id, t.started_agent, t.decision, t.is_sandboxed, t.source, nullif(t.project_id, 0) AS project_id, t.parameters::text AS parameters, t.status AS result_status,
    t.duration_ms AS execution_time_ms, nullif(t.occurred_at, '-infinity') AS timestamp, t.decision_source, t.decision_told_by, t.decision_wait_ms,
    CASE WHEN %(include_result)s THEN t.result END AS result, t.result_left_out, t.result_cut_at, t.result_media::text AS result_media, sort_number, candidates
FROM (
    SELECT *, sum(bytes) OVER in_order AS bytes_so_far, row_number() OVER in_order AS place, count(*) OVER () AS candidates
    FROM (
        SELECT t.*, sorted.number AS sort_number,
            coalesce(octet_length(t.parameters::text), 0) + CASE WHEN %(include_result)s THEN coalesce(octet_length(t.result), 0) ELSE 0 END
                AS bytes
        FROM tool_calls t
        CROSS JOIN LATERAL (SELECT CASE %(sort)s::text WHEN 'execution_time_ms' THEN coalesce(t.duration_ms, -1) END AS number) AS sorted
        WHERE (%(session_id)s::text IS NULL OR session_id = %(session_id)s)
            AND (%(project_id)s::bigint IS NULL OR project_id = %(project_id)s)
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
            AND (%(user)s::text IS NULL OR user_id = (SELECT person_of(%(user)s)))
            AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
            AND (%(source)s::text IS NULL OR source = %(source)s)
            AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
            AND (%(tool_name)s::text IS NULL OR t.tool_name = %(tool_name)s)
            AND (%(status)s::text IS NULL OR t.status = %(status)s)
            AND (%(error_class)s::text IS NULL OR (t.status IN ('error', 'timeout', 'rejected', 'cancelled')
                AND coalesce(t.error_class, 'unclassified') = %(error_class)s))
            AND (%(after_time)s::timestamptz IS NULL OR %(ascending)s OR (t.occurred_at, t.id) < (%(after_time)s, %(after_id)s::uuid))
            AND (%(after_time)s::timestamptz IS NULL OR NOT %(ascending)s OR (t.occurred_at, t.id) > (%(after_time)s, %(after_id)s::uuid))
            AND (%(after_number)s::bigint IS NULL OR %(ascending)s OR (sorted.number, t.id) < (%(after_number)s, %(after_id)s::uuid))
            AND (%(after_number)s::bigint IS NULL OR NOT %(ascending)s OR (sorted.number, t.id) > (%(after_number)s, %(after_id)s::uuid))
        ORDER BY
            CASE WHEN NOT %(ascending)s THEN sorted.number END DESC,
            CASE WHEN %(ascending)s THEN sorted.number END,
            CASE WHEN %(sort)s::text = 'timestamp' AND NOT %(ascending)s THEN t.occurred_at END DESC,
            CASE WHEN %(sort)s::text = 'timestamp' AND %(ascending)s THEN t.occurred_at END,
            CASE WHEN NOT %(ascending)s THEN t.id END DESC,
            CASE WHEN %(ascending)s THEN t.id END
        LIMIT %(fetch)s
    ) AS fetched
    WINDOW in_order AS (ORDER BY
        CASE WHEN NOT %(ascending)s THEN sort_number END DESC,
        CASE WHEN %(ascending)s THEN sort_number END,
        CASE WHEN %(sort)s::text = 'timestamp' AND NOT %(ascending)s THEN occurred_at END DESC,
        CASE WHEN %(sort)s::text = 'timestamp' AND %(ascending)s THEN occurred_at END,
        CASE WHEN NOT %(ascending)s THEN id END DESC,
        CASE WHEN %(ascending)s THEN id END)
) AS t
WHERE bytes_so_far <= %(page_bytes)s OR bytes_so_far = bytes
ORDER BY place
