-- name: due
-- A session that was marked before is due again when it went on since, or when something of it came into the archive again.
SELECT s.session_id, s.project_id,
    (SELECT coalesce(sum(g.stored_bytes), 0) FROM transcript_segments AS g JOIN transcript_files AS f ON f.id = g.file_id
     WHERE f.session_id = s.session_id AND f.parsed_offset >= f.stored_offset)::bigint
    + (SELECT coalesce(sum(octet_length(r.content)), 0) FROM transcript_ranges AS r JOIN transcript_files AS f ON f.id = r.file_id
       WHERE f.session_id = s.session_id AND f.parsed_offset >= f.stored_offset)::bigint AS archived_bytes
FROM sessions AS s LEFT JOIN dropped_texts AS d USING (session_id)
WHERE s.session_id > %(after)s AND s.counted AND $is_old
  AND ($goes_whole) IS NOT TRUE
  AND (d.session_id IS NULL OR d.before <= $last_seen OR EXISTS (
    SELECT FROM transcript_files AS f WHERE f.session_id = s.session_id AND f.parsed_offset >= f.stored_offset AND (
        EXISTS (SELECT FROM transcript_segments AS g WHERE g.file_id = f.id)
        OR EXISTS (SELECT FROM transcript_ranges AS r WHERE r.file_id = f.id))))
ORDER BY s.session_id LIMIT %(limit)s

-- name: still_old
SELECT s.session_id, %(as_of)s - make_interval(days => retention_days('texts', s.project_id, s.user_id, %(texts_days)s)) AS before
FROM sessions AS s WHERE s.session_id = ANY(%(session_ids)s) AND $is_old

-- name: mark
INSERT INTO dropped_texts AS d (session_id, before) SELECT * FROM unnest(%(session_ids)s::text[], %(befores)s::timestamptz[])
ON CONFLICT (session_id) DO UPDATE SET before = greatest(d.before, excluded.before), is_done = false, brought_by = NULL

-- name: rows
SELECT of_table, id, project_id, size FROM (
    $rows
) AS rows LIMIT %(limit)s

-- name: of_table
SELECT '$table' AS of_table, t.id, t.project_id, ($size)::bigint AS size
FROM $table AS t JOIN dropped_texts AS d USING (session_id)
WHERE session_id = ANY(%(session_ids)s) AND t.occurred_at < d.before AND $has_texts

-- name: empty
UPDATE $table SET $assignments
WHERE id = ANY(%(row_ids)s)

-- name: count
SELECT project_id, 0 AS sessions, count(*) AS rows, sum(size)::bigint AS bytes FROM (
    $rows
) AS rows GROUP BY project_id

-- name: count_table
SELECT project_id, ($size)::bigint AS size FROM $table WHERE session_id = ANY(%(session_ids)s) AND $has_texts

-- name: empty_facts
UPDATE session_facts AS f SET title = NULL
FROM dropped_texts AS d
WHERE f.session_id = ANY(%(session_ids)s) AND d.session_id = f.session_id AND f.title IS NOT NULL AND $is_old < d.before

-- name: files
-- Live files only if they were read to their end.
SELECT id, machine_id <> '' FROM transcript_files
WHERE session_id = ANY(%(session_ids)s) AND parsed_offset >= stored_offset ORDER BY id FOR UPDATE

-- name: forget_ranges
-- Ranges that wait behind a gap stay.
DELETE FROM transcript_ranges AS r USING transcript_files AS f
WHERE r.file_id = ANY(%(ids)s) AND f.id = r.file_id AND r.end_offset <= f.stored_offset

-- name: delete_hooks
DELETE FROM hook_payloads AS h USING dropped_texts AS d
WHERE h.session_id = ANY(%(session_ids)s) AND d.session_id = h.session_id AND h.occurred_at < d.before

-- name: without_session
SELECT of_table, id, project_id, size FROM (
    $rows
) AS rows LIMIT %(limit)s

-- name: of_table_without_session
SELECT '$table' AS of_table, t.id, t.project_id, ($size)::bigint AS size FROM $table AS t
WHERE session_id IS NULL AND $has_texts
  AND occurred_at < %(as_of)s - make_interval(days => retention_days('texts', t.project_id, t.user_id, %(texts_days)s))
