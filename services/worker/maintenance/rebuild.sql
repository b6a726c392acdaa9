-- name: fill
INSERT INTO $table (
    $columns)
SELECT
    $columns
FROM (
    $cells
) AS cells
$where
