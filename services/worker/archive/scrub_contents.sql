-- name: ranges
SELECT file_id, start_offset, content, request_id FROM transcript_ranges
WHERE (file_id, start_offset) > (%(file_id)s, %(place)s)
  AND (%(session_id)s::text IS NULL OR file_id IN (SELECT id FROM transcript_files WHERE session_id = %(session_id)s))
ORDER BY file_id, start_offset LIMIT %(limit)s

-- name: update_range
UPDATE transcript_ranges SET content = %(frame)s, raw_bytes = %(raw_bytes)s, request_id = %(request_id)s
WHERE file_id = %(file_id)s AND start_offset = %(place)s

-- name: segments
SELECT file_id, number, sha256 FROM transcript_segments
WHERE (file_id, number) > (%(file_id)s, %(place)s)
  AND (%(session_id)s::text IS NULL OR file_id IN (SELECT id FROM transcript_files WHERE session_id = %(session_id)s))
ORDER BY file_id, number LIMIT %(limit)s

-- name: update_segment
UPDATE transcript_segments SET sha256 = %(sha256)s, raw_bytes = %(raw_bytes)s, stored_bytes = %(stored_bytes)s
WHERE file_id = %(file_id)s AND number = %(place)s AND sha256 = %(before)s
