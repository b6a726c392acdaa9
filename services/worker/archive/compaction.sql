-- name: last_segment
SELECT s.number, s.end_offset, s.sha256, s.raw_bytes,
    coalesce((SELECT p.end_offset FROM transcript_segments AS p WHERE p.file_id = s.file_id AND p.number = s.number - 1),
        (SELECT f.dropped_to FROM transcript_files AS f WHERE f.id = s.file_id))
FROM transcript_segments AS s WHERE s.file_id = %(file_id)s ORDER BY s.number DESC LIMIT 1

-- name: parsed_ranges
SELECT start_offset, end_offset, content, raw_bytes FROM (
    SELECT r.start_offset, r.end_offset, r.content, r.raw_bytes, sum(r.raw_bytes) OVER (ORDER BY r.start_offset) - r.raw_bytes AS before
    FROM transcript_ranges AS r JOIN transcript_files AS f ON f.id = r.file_id
    WHERE r.file_id = %(file_id)s AND r.end_offset <= f.parsed_offset) AS ranges
WHERE before < %(move_bytes)s ORDER BY start_offset
