-- name: ranges
SELECT start_offset, end_offset, content, received_at, coalesce(request_id, '')
FROM transcript_ranges WHERE file_id = %(file_id)s AND start_offset >= %(start)s ORDER BY start_offset LIMIT %(limit)s
