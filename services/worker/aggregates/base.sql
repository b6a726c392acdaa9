-- name: add
added_to_$base AS (
    INSERT INTO $base (
        $columns)
    SELECT
        $columns
    FROM $deltas
)

-- name: move_user
WITH moved AS (
    UPDATE $base SET user_id = %(target)s
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM $base WHERE user_id = %(user_id)s LIMIT %(rows_limit)s))
    RETURNING $old,
        $new
),
new_$base AS (
    SELECT $new_columns
    FROM moved
),
gone_$base AS (
    SELECT $old_columns
    FROM moved
),
$rollups
