-- The rows of an export: for each table a statement that gives each row as one line of JSON. They all see one snapshot. Ids of projects and users mean
-- nothing elsewhere, so rows have their names. `from_wire`: a client sent it, so that no file overrules it.
--
-- $columns: those that the catalogue says are exported. $of_chosen: of a chosen session. $of_none: without a session, and of the chosen user and project.
-- $of_base: of them, of what has no session any more.

-- name: choose
-- ANALYZE follows. A session that is not counted has nothing to show.
CREATE TEMPORARY TABLE chosen ON COMMIT DROP AS
SELECT session_id FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
WHERE s.counted AND (%(user)s::text IS NULL OR coalesce(u.alias_of, u.id) = (SELECT person_of(%(user)s)))
  AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s)

-- name: sizes
-- About how much there is to write: rows of 700 bytes, and transcripts.
SELECT (SELECT count(*) FROM chosen),
    700 * ((SELECT count(*) FROM messages WHERE session_id IN (SELECT session_id FROM chosen))
         + (SELECT count(*) FROM tool_calls WHERE session_id IN (SELECT session_id FROM chosen)) * 4
         + (SELECT count(*) FROM api_calls WHERE session_id IN (SELECT session_id FROM chosen)))
    + (SELECT coalesce(sum(raw_bytes), 0) FROM transcript_segments AS s JOIN transcript_files AS f ON f.id = s.file_id
       WHERE f.session_id IN (SELECT session_id FROM chosen))::bigint

-- name: of_none
(t.session_id IS NULL AND (%(project_id)s::bigint IS NULL OR t.project_id = %(project_id)s)
 AND (%(user)s::text IS NULL OR coalesce(u.alias_of, u.id) = (SELECT person_of(%(user)s))))

-- name: of_chosen
t.session_id IN (SELECT session_id FROM chosen)

-- name: own
-- The ids of a user: of its former names too.
(SELECT id FROM users WHERE coalesce(alias_of, id) = (SELECT person_of(%(user)s)))

-- name: of_base
(%(project_id)s::bigint IS NULL OR t.project_id = %(project_id)s) AND (%(user)s::text IS NULL OR t.user_id IN $own)

-- name: of_base_files
-- Files have no user. Those of a project are of the one whose sessions alone were dropped there.
(%(project_id)s::bigint IS NULL OR t.project_id = %(project_id)s)
AND (%(user)s::text IS NULL OR t.project_id IN (
    SELECT b.project_id FROM base_activity_rollups AS b LEFT JOIN $own AS own ON own.id = b.user_id
    GROUP BY b.project_id HAVING bool_and(own.id IS NOT NULL)))

-- name: of_tombstones
-- Tombstones of sessions, by the project of their path.
(%(project_id)s::bigint IS NULL OR t.project_id IN (SELECT id FROM projects WHERE coalesce(merged_into, id) = %(project_id)s))
AND (%(user)s::text IS NULL OR t.user_id IN $own)

-- name: shares_files
-- Whether there are files of dropped sessions which are the user's or others'.
SELECT %(user)s::text IS NOT NULL AND EXISTS (
    SELECT FROM base_file_rollups AS f WHERE f.project_id IN (
        SELECT b.project_id FROM base_activity_rollups AS b LEFT JOIN $own AS own ON own.id = b.user_id
        GROUP BY b.project_id HAVING bool_or(own.id IS NOT NULL) AND NOT bool_and(own.id IS NOT NULL)))

-- name: users
-- With their former names, by which clients may still send. A selection has the users of its sessions, also of dropped ones.
SELECT u.name, a.name AS alias_of FROM users AS u LEFT JOIN users AS a ON a.id = u.alias_of
WHERE $everything OR coalesce(u.alias_of, u.id) IN (
    SELECT coalesce(v.alias_of, v.id) FROM users AS v
    WHERE v.name = %(user)s OR v.id IN (SELECT user_id FROM sessions WHERE session_id IN (SELECT session_id FROM chosen))
       OR v.id IN (SELECT user_id FROM base_sessions WHERE project_id = %(project_id)s)
       OR v.id IN (SELECT t.user_id FROM tombstones AS t WHERE %(project_id)s::bigint IS NOT NULL AND $of_tombstones))
ORDER BY u.id

-- name: projects
-- With its parts. The whole that a project is part of comes only with all its parts: an export of one user would name folders of others.
WITH named AS (
    SELECT project_id AS id FROM sessions WHERE session_id IN (SELECT session_id FROM chosen)
    UNION SELECT path_project_id FROM sessions WHERE session_id IN (SELECT session_id FROM chosen)
    UNION SELECT project_id FROM session_facts WHERE session_id IN (SELECT session_id FROM chosen)
    UNION SELECT project_id FROM session_events WHERE session_id IN (SELECT session_id FROM chosen)
    UNION SELECT coalesce(t.path_project_id, t.project_id) FROM base_sessions AS t WHERE $of_base
    UNION SELECT coalesce(t.path_project_id, t.project_id) FROM base_activity_rollups AS t WHERE $of_base
    UNION SELECT t.project_id FROM tombstones AS t WHERE $of_tombstones
)
SELECT p.id, p.path, p.name, p.is_named, p.group_name, p.is_archived, p.is_kept_apart, p.visibility, w.path AS part_of,
    CASE WHEN w.id IS NOT NULL THEN p.merged_by END AS merged_by, CASE WHEN w.id IS NOT NULL THEN p.merge_evidence END AS merge_evidence,
    CASE WHEN w.id IS NOT NULL THEN p.merged_at END AS merged_at
FROM projects AS p LEFT JOIN projects AS w ON w.id = p.part_of AND ($everything OR p.merged_into = %(project_id)s)
WHERE $everything OR p.id = %(project_id)s OR p.merged_into = %(project_id)s OR p.id IN (SELECT id FROM named)
ORDER BY p.id

-- name: project_places
SELECT told_by, path, common_dir, remote, inside, is_main, told_at FROM project_places WHERE $everything ORDER BY id

-- name: project_rules
SELECT pattern, p.path AS project_path, r.created_at FROM project_rules AS r JOIN projects AS p ON p.id = r.project_id WHERE $everything ORDER BY r.id

-- name: ranges
(SELECT coalesce(json_agg(json_build_array(lower(r), upper(r))), '[]') FROM unnest(t.active_ranges) AS r) AS active_ranges

-- name: base
-- By the project of the path: the merges of projects are told too.
SELECT p.path AS project_path, $columns
FROM $base AS t LEFT JOIN projects AS p ON p.id = coalesce(t.path_project_id, t.project_id) $joins
WHERE $of_base ORDER BY t.project_id, $bucket

-- name: machines
-- A selection has no reports, since they name files and projects of all sessions; an export of one user has no other's name.
SELECT machine_id, name, first_seen_at, last_heard_at, CASE WHEN $everything THEN report ELSE '{}' END AS report,
    CASE WHEN %(user)s::text IS NULL OR EXISTS (
        SELECT FROM users AS own JOIN users AS asked ON coalesce(asked.alias_of, asked.id) = coalesce(own.alias_of, own.id)
        WHERE own.name = m.user_name AND asked.name = %(user)s) THEN user_name END AS "user"
FROM machines AS m
WHERE $everything OR machine_id IN (SELECT machine_id FROM session_machines WHERE session_id IN (SELECT session_id FROM chosen))
ORDER BY machine_id

-- name: session_facts
SELECT $columns, p.path AS project_path, u.name AS "user", t.brought_by IS NULL AS from_wire
FROM session_facts AS t LEFT JOIN projects AS p ON p.id = t.project_id LEFT JOIN users AS u ON u.id = t.user_id
WHERE $of_chosen ORDER BY t.session_id, t.id

-- name: session_events
SELECT $columns, p.path AS project_path, u.name AS "user", true AS from_wire
FROM session_events AS t LEFT JOIN projects AS p ON p.id = t.project_id LEFT JOIN users AS u ON u.id = t.user_id
WHERE $of_chosen ORDER BY from_wire, t.session_id, t.occurred_at, t.id

-- name: messages
-- The path that a message without a session names.
SELECT $columns, CASE WHEN t.session_id IS NULL THEN p.path END AS project_path, CASE WHEN t.session_id IS NULL THEN u.name END AS "user",
    $from_wire AS from_wire
FROM messages AS t LEFT JOIN projects AS p ON p.id = coalesce(t.path_project_id, t.project_id) LEFT JOIN users AS u ON u.id = t.user_id
WHERE $of_chosen OR $of_none ORDER BY from_wire, t.session_id, t.occurred_at, t.id

-- name: tool_calls
SELECT $columns, CASE WHEN t.session_id IS NULL THEN u.name END AS "user", $from_wire AS from_wire
FROM tool_calls AS t LEFT JOIN users AS u ON u.id = t.user_id
WHERE $of_chosen OR $of_none ORDER BY from_wire, t.session_id, t.occurred_at, t.id

-- name: activities
SELECT $columns, f.file_path, $from_wire AS from_wire
FROM activities AS t JOIN files AS f USING (file_key)
WHERE $of_chosen ORDER BY from_wire, t.session_id, t.occurred_at, t.id

-- name: api_calls
SELECT $columns, $from_wire AS from_wire
FROM api_calls AS t
WHERE $of_chosen ORDER BY from_wire, t.session_id, t.occurred_at, t.id

-- name: timeline_entries
SELECT $columns, $from_wire AS from_wire
FROM timeline_entries AS t
WHERE $of_chosen ORDER BY from_wire, t.session_id, t.occurred_at, t.id

-- name: sessions
-- The tracker's totals of the rows. An import computes them anew and does not read these; they are for people, and to compare with.
SELECT t.session_id, p.path AS project_path, u.name AS "user", t.title, t.title_source, parent_session_id, model, git_branch, client_version, source,
    started_at, ended_at, first_event_at, last_event_at, end_reason, wall_us, active_us, user_messages, assistant_messages, tool_calls, tool_errors,
    files_modified, lines_added, lines_removed, api_calls, unpriced_calls, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens,
    cost_nano_usd
FROM sessions AS t LEFT JOIN projects AS p ON p.id = t.project_id LEFT JOIN users AS u ON u.id = t.user_id
WHERE $of_chosen ORDER BY t.session_id

-- name: saved_views
SELECT id, name, address, created_at FROM saved_views WHERE $everything ORDER BY created_at, id

-- name: transcript_files
-- A live file comes as far as it was read, as its rows do. A selection has no file that another user's key brought into the session.
SELECT id, session_id, machine_id, file_name, generation, user_name AS "user", parsed_offset, facts_ids, parser_version, dropped_to,
    brought_by IS NULL AS is_live, created_at, changed_at,
    (SELECT coalesce(sum(raw_bytes), 0) FROM transcript_segments AS s WHERE s.file_id = t.id)
    + (SELECT coalesce(sum(raw_bytes), 0) FROM transcript_ranges AS r WHERE r.file_id = t.id AND r.end_offset <= t.parsed_offset) AS raw_bytes
FROM transcript_files AS t
WHERE parsed_offset > 0
  AND ($everything OR $of_chosen AND is_file_of(t.bound_user, (SELECT s.user_id FROM sessions AS s WHERE s.session_id = t.session_id)))
ORDER BY session_id, file_name, machine_id, generation

-- name: tombstones
-- Sessions that were erased or dropped, as hashes with the salt that they are made with. Chosen sessions' erased ranges have their names. Those of
-- people and projects stay: lists of likely names could be tried on them.
SELECT 'session' AS kind, NULL AS session_id, encode(t.key, 'hex') AS key, encode(coalesce(t.salt, tombstone_salt()), 'hex') AS salt, t.reason,
    NULL::timestamptz AS from_at, NULL::timestamptz AS to_at, p.path AS project_path, u.name AS "user", t.job_id, t.created_at
FROM tombstones AS t LEFT JOIN projects AS p ON p.id = t.project_id LEFT JOIN users AS u ON u.id = t.user_id
WHERE t.kind = 'session' AND $of_tombstones
UNION ALL
SELECT 'range', c.session_id, NULL, NULL, t.reason, t.from_at, t.to_at, NULL, NULL, t.job_id, t.created_at
FROM chosen AS c JOIN tombstones AS t ON t.key = tombstone_key('range', c.session_id)
ORDER BY created_at, key, session_id
