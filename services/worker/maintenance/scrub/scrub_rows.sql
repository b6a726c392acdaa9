-- name: select_chunk
-- $columns and $size are of the table's texts. A chunk has up to CHUNK_ROWS rows, fewer if they are long, but at least one.
SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum($size) OVER w AS bytes
    FROM (
        SELECT $key::text AS key, $key AS place, $columns
        FROM $table
        $after
        ORDER BY $key LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n

-- name: update_row
-- A row that was changed meanwhile was redacted when it came in.
UPDATE $table SET
    $scrubbed
WHERE $key = %(key)s
  AND $is_unchanged
