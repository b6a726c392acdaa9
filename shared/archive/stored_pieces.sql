-- name: next_pieces
-- Segments end where the ranges begin.
SELECT start_offset, end_offset, ends_at - raw_bytes AS position, sha256, content
FROM (SELECT *, sum(raw_bytes) OVER (ORDER BY is_range, place)::bigint AS ends_at
      FROM (SELECT false AS is_range, number AS place, end_offset, raw_bytes, sha256, NULL::bytea AS content,
                -- The first begins behind what retention has dropped.
                coalesce(lag(end_offset) OVER (ORDER BY number), (SELECT dropped_to FROM transcript_files WHERE id = %(file_id)s)) AS start_offset
            FROM transcript_segments WHERE file_id = %(file_id)s
            UNION ALL
            SELECT true, start_offset, end_offset, raw_bytes, NULL, content, start_offset
            -- Ranges that wait behind a gap are not read (services/worker/drain/store_captured.py).
            FROM transcript_ranges WHERE file_id = %(file_id)s
                AND end_offset <= (SELECT stored_offset FROM transcript_files WHERE id = %(file_id)s)) AS pieces) AS placed
WHERE ends_at > %(position)s AND ends_at - raw_bytes < %(position)s + %(step_bytes)s
ORDER BY ends_at
