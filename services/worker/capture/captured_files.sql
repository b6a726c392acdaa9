-- name: count_attempt
UPDATE transcript_files SET read_attempts = read_attempts + 1,
    read_again_at = CASE WHEN read_again_at IS NOT NULL THEN now() + least(interval '1 day', read_attempts * interval '10 minutes') END
WHERE id = %(id)s

-- name: wait_for_archive
UPDATE transcript_files SET read_attempts = greatest(read_attempts - 1, 0), read_again_at = now() + interval '1 minute' WHERE id = %(id)s

-- name: advance
UPDATE transcript_files SET parsed_offset = %(end)s, facts_ids = %(facts_ids)s, parser_version = %(parser_version)s,
    read_attempts = 0, read_again_at = NULL
WHERE id = %(id)s AND parsed_offset = %(start)s

-- name: superseded
-- The files' facts as they are now: a reparse may have replaced them since. Facts that files bring under the same id are one row, which stays
-- while one of the captured files has it. Files that imports brought have their numbers.
SELECT DISTINCT old.id FROM transcript_files AS read, unnest(read.facts_ids) AS old (id)
WHERE read.id = ANY(%(file_ids)s) AND old.id <> ALL(%(facts_ids)s::uuid[])
  AND NOT EXISTS (SELECT FROM transcript_files AS f WHERE f.facts_ids @> ARRAY[old.id] AND f.id <> ALL(%(file_ids)s) AND f.brought_by IS NULL)

-- name: ranges
SELECT start_offset, end_offset, content, received_at, coalesce(request_id, '')
FROM transcript_ranges WHERE file_id = %(file_id)s AND start_offset >= %(start)s ORDER BY start_offset LIMIT %(limit)s
