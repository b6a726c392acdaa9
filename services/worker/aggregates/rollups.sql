-- name: contribution
SELECT
    $columns
FROM $rows
$where

-- name: deltas
$deltas AS (
    SELECT $key,
           $sums
    FROM (
        $contributions
    ) AS contributions
    GROUP BY $ordinals
)

-- name: cells_of_deltas
-- -1 in a key stands for all projects, or for all users.
SELECT $key,
       $measures
FROM $deltas AS d,
     LATERAL (VALUES
         $counted_under
     ) AS k ($owners, grain_minutes)

-- name: cells_of_some
SELECT $key,
       $measures
FROM (
    $cells
) AS cells

-- name: cells
SELECT $key,
       $sums
FROM (
    $cells
) AS cells
GROUP BY $ordinals

-- name: rolled
-- Ordered by key, so that two transactions lock the cells in the same order.
rolled_$table AS (
    INSERT INTO $table (
        $columns)
    $cells
    ORDER BY $ordinals
    ON CONFLICT ($key) DO UPDATE SET
        $added
    $returning
)

-- name: file_sets
-- Which files were touched in a day or week, as bits. A bit is flipped where a file came to be touched, or no longer is.
file_count_deltas AS (
    SELECT project_id, grain_minutes, bucket_start, files_modified FROM rolled_file_rollups WHERE files_modified <> 0
),
rolled_file_sets AS (
    INSERT INTO file_sets (project_id, grain_minutes, bucket_start, chunk, bits)
    SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk,
           bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
    FROM rolled_file_rollups AS c JOIN files AS f USING (file_key)
    WHERE c.files_modified <> 0 AND c.grain_minutes IN (1440, 10080)
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (project_id, grain_minutes, bucket_start, chunk) DO UPDATE SET bits = file_sets.bits # excluded.bits
    $returning
)

-- name: renamed
INSERT INTO $table (
    $columns)
SELECT
    $renamed
FROM $table WHERE $column = %(old)s
ON CONFLICT ($key) DO UPDATE SET
    $added
