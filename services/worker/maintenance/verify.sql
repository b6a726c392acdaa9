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
