-- name: due
-- By id. Files that are not read to their end stay.
SELECT f.id, f.session_id, coalesce(s.project_id, 0) AS project_id,
    (SELECT coalesce(sum(g.stored_bytes), 0) FROM transcript_segments AS g WHERE g.file_id = f.id)::bigint
    + (SELECT coalesce(sum(octet_length(r.content)), 0) FROM transcript_ranges AS r WHERE r.file_id = f.id)::bigint AS bytes
FROM transcript_files AS f LEFT JOIN sessions AS s USING (session_id)
WHERE f.id > %(after)s AND f.parsed_offset >= f.stored_offset
  AND f.changed_at < %(as_of)s - make_interval(days => retention_days('archive', s.project_id, s.user_id, %(archive_days)s))
  AND ($texts_go) IS NOT TRUE AND ($goes_whole) IS NOT TRUE
ORDER BY f.id LIMIT %(limit)s

-- name: delete
-- A file to which the drain adds a range at this moment is skipped. Without the lock, the deletion would wait for the drain and take the range too.
DELETE FROM transcript_files WHERE id IN (
    SELECT f.id FROM transcript_files AS f
    WHERE f.id = ANY(%(ids)s) AND f.parsed_offset >= f.stored_offset AND f.changed_at < %(as_of)s
    ORDER BY f.id FOR UPDATE OF f SKIP LOCKED)
RETURNING id
