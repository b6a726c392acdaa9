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

-- name: active_days
-- Active time of sessions, and of those that were dropped.
SELECT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day, range_agg(c.piece) AS ranges
FROM (
    SELECT project_id, user_id, active_ranges FROM sessions WHERE counted
    UNION ALL
    SELECT project_id, user_id, active_ranges FROM base_sessions
) AS s, cut_at_buckets(without_gap(s.active_ranges, idle_gap()), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
GROUP BY 1, 2, 3

-- name: kept_sums
-- The tables of sums: a SELECT of what each should have, the columns to compare, and measures of which one is not 0 where there is something. Sums of sums
-- come last.
SELECT k.sums, sums_anew(k.sums) AS anew, array_agg(DISTINCT c.name) AS columns, array_agg(DISTINCT c.measure) FILTER (WHERE c.measure IS NOT NULL) AS measures
FROM kept_sums AS k
CROSS JOIN LATERAL (
    SELECT k.keys[i][1] AS name, NULL AS measure FROM generate_subscripts(k.keys, 1) AS i
    UNION ALL
    SELECT k.measures[i][1], CASE k.measures[i][2] WHEN 'sum' THEN k.measures[i][1] WHEN 'xor' THEN format('bit_count(%I)', k.measures[i][1]) END
    FROM generate_subscripts(k.measures, 1) AS i
) AS c
GROUP BY k.sums ORDER BY bool_or(k.counted IN (SELECT sums FROM kept_sums)), min(k.number)
