-- A day: [start, end) of its zone.

-- name: sessions
-- The sessions that began on the day or went on, in the order of what happened first on it. `first_at`, `last_at` and the active times are of the day.
-- A session that only a claude.json names has no events: it stands at its date.
SELECT s.session_id, coalesce(mark.title, s.title) AS title,
    CASE WHEN mark.title IS NULL THEN s.title_source ELSE 'person' END AS title_source, nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
    s.model, s.git_branch, nullif(least(s.started_at, s.first_event_at), '-infinity') AS start_time,
    s.dated_at < %(start)s AS began_before, coalesce(s.last_event_at >= %(end)s, false) AS goes_on,
    coalesce(seen.first_at, s.dated_at) AS first_at, coalesce(seen.last_at, s.dated_at) AS last_at, seen.starts, seen.ends, count(*) OVER () AS total
FROM sessions AS s
LEFT JOIN session_marks AS mark ON mark.session_id = s.session_id
LEFT JOIN projects AS p ON p.id = s.project_id
LEFT JOIN users AS u ON u.id = s.user_id
CROSS JOIN (
    SELECT make_interval(secs => coalesce((SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), %(idle_gap_seconds)s::integer)) AS length
) AS gap
CROSS JOIN LATERAL (
    SELECT min(greatest(lower(r), %(start)s)) AS first_at, max(least(upper(r) - gap.length, %(end)s)) AS last_at,
        array_agg(greatest(lower(r), %(start)s) ORDER BY lower(r)) AS starts, array_agg(least(upper(r) - gap.length, %(end)s) ORDER BY lower(r)) AS ends
    FROM unnest(s.active_ranges) AS r
    WHERE lower(r) < %(end)s AND upper(r) - gap.length >= %(start)s
) AS seen
WHERE s.counted AND s.dated_at >= %(earliest)s AND s.dated_at < %(end)s AND (s.dated_at >= %(start)s OR s.session_id = ANY (%(went_on)s::text[]))
    AND (%(project_id)s = -1 OR s.project_id = %(project_id)s) AND (%(user_id)s = -1 OR s.user_id = %(user_id)s)
    AND (%(projects)s::bigint[] IS NULL OR s.project_id = ANY (%(projects)s))
    AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
ORDER BY first_at, s.session_id
LIMIT %(most)s

-- name: asks
-- The first prompts of each session on the day.
SELECT asked.session_id, m.id AS message_id, m.occurred_at AS timestamp, m.content AS text
FROM unnest(%(ids)s::text[]) AS asked (session_id)
CROSS JOIN LATERAL (
    SELECT id, occurred_at, left(content, %(characters)s) AS content FROM asks
    WHERE session_id = asked.session_id AND occurred_at >= %(start)s AND occurred_at < %(end)s
    ORDER BY occurred_at, id
    LIMIT %(most)s
) AS m
ORDER BY m.occurred_at, m.id

-- name: files
-- The files of each session in which most lines changed on the day.
SELECT asked.session_id, f.file_path, a.lines_added, a.lines_removed
FROM unnest(%(ids)s::text[]) AS asked (session_id)
CROSS JOIN LATERAL (
    SELECT file_key, least(sum(lines_added), 9007199254740991)::bigint AS lines_added, least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed
    FROM activities
    WHERE session_id = asked.session_id AND occurred_at >= %(start)s AND occurred_at < %(end)s
    GROUP BY 1
    ORDER BY sum(lines_added) + sum(lines_removed) DESC, file_key
    LIMIT %(most)s
) AS a
LEFT JOIN files AS f ON f.file_key = a.file_key
ORDER BY a.lines_added + a.lines_removed DESC, f.file_path

-- name: failures
-- By tool and class, the most frequent of each session on the day.
SELECT asked.session_id, t.tool_name, t.error_class, t.calls
FROM unnest(%(ids)s::text[]) AS asked (session_id)
CROSS JOIN LATERAL (
    SELECT tool_name, error_class, count(*) AS calls FROM tool_calls
    WHERE session_id = asked.session_id AND occurred_at >= %(start)s AND occurred_at < %(end)s AND status IN ('error', 'timeout')
    GROUP BY 1, 2
    ORDER BY calls DESC, tool_name, error_class
    LIMIT %(most)s
) AS t
ORDER BY t.calls DESC, t.tool_name, t.error_class

-- name: prompts_and_files
-- By project and, with project_id NULL, of all together: what sums by project do not have. Files are distinct.
SELECT project_id, coalesce(sum(user_messages), 0)::bigint AS user_messages, count(DISTINCT file_key) AS files_modified
FROM (
    SELECT project_id, 1 AS user_messages, NULL::uuid AS file_key FROM messages
    WHERE occurred_at >= %(start)s AND occurred_at < %(end)s AND role = 'user'
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    UNION ALL
    SELECT project_id, 0, file_key FROM activities
    WHERE occurred_at >= %(start)s AND occurred_at < %(end)s
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
) AS e
GROUP BY GROUPING SETS ((project_id), ())
