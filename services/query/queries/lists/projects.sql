-- name: labels
-- Projects that are listed, by their names; those that a person named, by that. Those of one name have the folder above too, and where that is the same, their whole path.
SELECT id, CASE WHEN own_name IS NOT NULL THEN own_name WHEN count(*) OVER (PARTITION BY name) = 1 THEN name WHEN count(*) OVER (PARTITION BY name, two_folders) = 1 THEN two_folders ELSE path END AS label
FROM (
    SELECT id, name, path, CASE WHEN name <> coalesce(substring(rtrim(path, '/') FROM '[^/]+$'), path) THEN name END AS own_name,
        coalesce(substring(rtrim(replace(path, '\', '/'), '/') FROM '[^/]+/[^/]+$'), path) AS two_folders
    FROM projects
    WHERE merged_into IS NULL AND ((is_named AND brought_by IS DISTINCT FROM '{}')
        OR EXISTS (SELECT FROM sessions AS s WHERE s.counted AND s.project_id = projects.id)
        OR EXISTS (SELECT FROM base_sessions AS b WHERE b.project_id = projects.id))
) AS listed

-- name: projects
-- The list leaves out empty projects: working folders of subagents, and projects that an undo emptied.
-- users: those that the key is bound to. Then the sums are theirs, and the dates are of sessions that the key may read.
SELECT p.id, p.name, p.path, p.group_name AS "group", p.is_archived AS archived,
    coalesce(p.repository, (SELECT min(c.repository) FROM projects AS c WHERE c.merged_into = p.id)) AS repository, p.merged_into,
    coalesce(r.sessions, 0) AS total_sessions,
    least(round(coalesce(r.wall_us, 0) / 60e6), 9007199254740991)::bigint AS total_time_minutes,
    CASE WHEN %(users)s::bigint[] IS NULL THEN coalesce(r.files_modified, 0) ELSE (
        SELECT count(DISTINCT a.file_key) FROM activities a WHERE a.project_id = p.id AND a.user_id = ANY (%(users)s)) END AS files_modified_count,
    least(coalesce(r.lines_added::numeric + r.lines_removed, 0), 9007199254740991)::bigint AS lines_changed_count,
    p.last_session_at AS last_session,
    p.created_at,
    coalesce(r.active_us, 0) / 60e6::float8 AS active_minutes,
    coalesce(r.user_messages + r.assistant_messages, 0) AS messages_count,
    coalesce(r.tool_calls, 0) AS tool_calls_count,
    coalesce(r.api_calls, 0) AS api_calls, coalesce(r.unpriced_calls, 0) AS unpriced_calls,
    CASE WHEN r.api_calls > r.unpriced_calls OR r.cost_nano_usd > 0 THEN r.cost_nano_usd / 1e9::float8 END AS cost_usd,
    p.visibility,
    sorted.number AS sort_number
FROM (
    SELECT p.id, p.name, p.path, p.is_named, p.brought_by, p.visibility, p.group_name, p.is_archived, p.repository, p.merged_into,
        nullif(greatest((SELECT max(s.dated_at) FROM sessions AS s WHERE s.counted AND s.project_id = p.id),
            (SELECT max(b.dated_at) FROM base_sessions AS b WHERE b.project_id = p.id)), '-infinity') AS last_session_at,
        CASE WHEN %(users)s::bigint[] IS NULL THEN p.created_at
            ELSE coalesce((SELECT min(s.created_at) FROM sessions AS s WHERE s.counted AND s.project_id = p.id), p.created_at) END AS created_at
    FROM projects p
) AS p
LEFT JOIN LATERAL (
    SELECT sum(sessions)::bigint AS sessions, sum(wall_us) AS wall_us, sum(active_us) AS active_us, sum(files_modified)::bigint AS files_modified,
        sum(user_messages)::bigint AS user_messages, sum(assistant_messages)::bigint AS assistant_messages, sum(tool_calls)::bigint AS tool_calls,
        sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed, sum(api_calls)::bigint AS api_calls,
        sum(unpriced_calls)::bigint AS unpriced_calls, sum(cost_nano_usd) AS cost_nano_usd
    FROM activity_rollups
    WHERE project_id = p.id AND user_id = ANY (coalesce(%(users)s::bigint[], '{-1}')) AND grain_minutes = 0 AND bucket_start = '-infinity'
) AS r ON true
CROSS JOIN LATERAL (SELECT CASE %(sort)s::text
    WHEN 'active_minutes' THEN coalesce(r.active_us, 0)::float8
    WHEN 'total_sessions' THEN coalesce(r.sessions, 0)::float8
    WHEN 'cost_usd' THEN CASE WHEN r.api_calls > r.unpriced_calls OR r.cost_nano_usd > 0 THEN r.cost_nano_usd::float8 ELSE -1 END
    END AS number) AS sorted
WHERE (%(id)s::bigint IS NULL OR p.id = %(id)s)
    AND (%(id)s::bigint IS NOT NULL OR (p.merged_into IS NULL OR %(parts)s) AND (%(archived)s = 'all' OR p.is_archived = (%(archived)s = 'only')))
    AND (%(group)s::text IS NULL OR p.group_name = %(group)s)
    AND (%(repository)s::text IS NULL OR p.repository = %(repository)s
        OR EXISTS (SELECT FROM projects AS c WHERE c.merged_into = p.id AND c.repository = %(repository)s))
    AND (%(id)s::bigint IS NOT NULL
        OR (p.is_named AND p.brought_by IS DISTINCT FROM '{}') OR p.last_session_at IS NOT NULL OR r.sessions > 0 OR p.merged_into IS NOT NULL)
    AND ((%(user)s::text IS NULL AND %(machine)s::text IS NULL AND %(start)s::timestamptz IS NULL AND %(end)s::timestamptz IS NULL) OR EXISTS (
        SELECT FROM sessions s
        WHERE s.counted AND s.project_id = p.id
            AND (%(user)s::text IS NULL OR s.user_id = (SELECT person_of(%(user)s)))
            AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
            AND (%(start)s::timestamptz IS NULL OR s.dated_at >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR (s.dated_at < %(end)s AND s.dated_at > '-infinity'))))
    AND (%(after_time)s::timestamptz IS NULL OR %(ascending)s
        OR (coalesce(p.last_session_at, '-infinity'::timestamptz), p.id) < (%(after_time)s, %(after_id)s::bigint))
    AND (%(after_time)s::timestamptz IS NULL OR NOT %(ascending)s
        OR (coalesce(p.last_session_at, '-infinity'::timestamptz), p.id) > (%(after_time)s, %(after_id)s::bigint))
    AND (%(after_number)s::float8 IS NULL OR %(ascending)s OR (sorted.number, p.id) < (%(after_number)s, %(after_id)s::bigint))
    AND (%(after_number)s::float8 IS NULL OR NOT %(ascending)s OR (sorted.number, p.id) > (%(after_number)s, %(after_id)s::bigint))
    AND (%(after_name)s::text IS NULL OR %(ascending)s OR (p.name, p.id) < (%(after_name)s, %(after_id)s::bigint))
    AND (%(after_name)s::text IS NULL OR NOT %(ascending)s OR (p.name, p.id) > (%(after_name)s, %(after_id)s::bigint))
ORDER BY
    CASE WHEN NOT %(ascending)s THEN sorted.number END DESC,
    CASE WHEN %(ascending)s THEN sorted.number END,
    CASE WHEN %(sort)s::text = 'name' AND NOT %(ascending)s THEN p.name END DESC,
    CASE WHEN %(sort)s::text = 'name' AND %(ascending)s THEN p.name END,
    CASE WHEN %(sort)s::text = 'last_session' AND NOT %(ascending)s THEN coalesce(p.last_session_at, '-infinity'::timestamptz) END DESC,
    CASE WHEN %(sort)s::text = 'last_session' AND %(ascending)s THEN coalesce(p.last_session_at, '-infinity'::timestamptz) END,
    CASE WHEN NOT %(ascending)s THEN p.id END DESC,
    CASE WHEN %(ascending)s THEN p.id END
LIMIT %(fetch)s

-- name: parts
-- The project itself if it is part of another, and all that counts as it, except what others hide.
SELECT id, name, path, part_of, merged_by, merge_evidence, merged_by_key, merged_at, rekey_requested_at IS NOT NULL AS is_moving,
    rekey_failure AS failure
FROM projects WHERE part_of IS NOT NULL AND (id = %(id)s OR merged_into = %(id)s
    OR part_of = %(id)s) ORDER BY id = %(id)s DESC, path LIMIT 1001

-- name: place
SELECT is_kept_apart FROM projects WHERE id = %(id)s

-- name: changes
SELECT at, who, before, after, undone_at FROM project_changes WHERE project_id = %(id)s ORDER BY id DESC LIMIT 50

-- name: rules
SELECT r.id, r.pattern, r.project_id, p.name AS project_name, r.created_at,
    (SELECT count(*) FROM projects AS c WHERE c.merged_by = 'path_rule' AND c.merge_evidence = r.pattern AND c.part_of = r.project_id) AS merged
FROM project_rules AS r LEFT JOIN projects AS p ON p.id = r.project_id ORDER BY r.id

-- name: of_group
SELECT id FROM whole_projects
WHERE (%(group)s::text IS NULL OR group_name = %(group)s) AND (%(repository)s::text IS NULL OR repository = %(repository)s)

-- name: whole
SELECT coalesce(merged_into, id) AS id FROM projects WHERE id = %(id)s
