-- name: stored_sessions
-- The sums of a session's own rows: numbers that its snapshot gives are left out.
SELECT session_id,
       $sums
FROM sessions WHERE counted

-- name: of_whole_sessions
SELECT * FROM (
    $sessions
) AS sessions
WHERE session_id NOT IN (SELECT session_id FROM dropping_sessions)

-- name: counted_under
-- The project of each session, but of those that a merge has not moved yet.
SELECT s.session_id, s.project_id FROM sessions AS s JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
WHERE s.counted AND p.rekey_requested_at IS NULL

-- name: base_counted_under
-- The same of what dropped sessions counted.
SELECT '$base', b.project_id FROM $base AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
WHERE p.rekey_requested_at IS NULL

-- name: base_to_count_under
SELECT '$base', coalesce(p.merged_into, p.id) FROM $base AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
WHERE p.rekey_requested_at IS NULL

-- name: to_count_under
SELECT s.session_id, coalesce(p.merged_into, p.id) AS project_id
FROM sessions AS s JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
WHERE s.counted AND p.rekey_requested_at IS NULL

-- name: cells
SELECT $columns
FROM (
    $cells
) AS cells
$where

-- name: differing
WITH stored AS (
    $stored
),
expected AS (
    $expected
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different
