-- name: active_days
-- Active time of sessions, and of those that were dropped.
SELECT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day, range_agg(c.piece) AS ranges
FROM (
    SELECT project_id, user_id, active_ranges FROM sessions WHERE counted
    UNION ALL
    SELECT project_id, user_id, active_ranges FROM base_sessions
) AS s, cut_at_buckets(without_gap(s.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
GROUP BY 1, 2, 3

-- name: quarters_of
SELECT coalesce(session_id, '') AS session_id, bucket_of(occurred_at, 15) AS bucket_start, project_id, user_id,
       $measures
FROM $table

-- name: quarters
SELECT session_id, bucket_start, project_id, user_id, count(*) AS counted_rows,
       $sums
FROM (
    $rows
) AS rows
GROUP BY 1, 2, 3, 4

-- name: file_sets
SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk,
       bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
FROM (
    $cells
) AS c JOIN files AS f USING (file_key)
WHERE c.touches > 0 AND c.grain_minutes IN (1440, 10080)
GROUP BY 1, 2, 3, 4

-- name: file_count_deltas
file_count_deltas AS (
    SELECT project_id, grain_minutes, bucket_start, count(*) AS files_modified
    FROM (
        $cells
    ) AS cells
    WHERE touches > 0 AND project_id <> -1 GROUP BY 1, 2, 3
)

-- name: active_deltas
active_deltas AS (
    SELECT project_id, user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece)))::bigint AS active_us
    FROM active_days, cut_at_buckets(ranges, 15) AS c GROUP BY 1, 2, 3
)

-- name: rows
-- Inlined: these may be all rows of a large table.
new_$table AS NOT MATERIALIZED (
    SELECT $columns
    FROM $table
)
